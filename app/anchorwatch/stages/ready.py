"""What judge says of a model that can be learnt. In a file of its own, so that the supervisor need not load estimators for it."""

from collections.abc import Sequence
from typing import NamedTuple


class Ready(NamedTuple):
    """What is to be learnt: predictions of [from, to) and what was known of them by `known_ms`; -1: no label is waited for yet."""

    from_ms: int
    to_ms: int
    known_ms: int
    effective_ms: int
    labels_due_ms: int = 0  # when labels are learnt as well, of what waits for none; 0: nothing is left to learn
    left_out: Sequence[Sequence[int]] = ()  # [from, to) under an open alert: their predictions are not normal
