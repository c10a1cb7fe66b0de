"""Small facts and sights for the tests of watches."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tests.traffic import LOAN, contract_of, loan_reference

from anchorwatch.events import FieldCount, FlagChange
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Ints, Seen
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.rules import Facts


def layout(text: str = LOAN, *, learning: bool = False) -> Layout:
    return Layout(contract_of(text), None if learning else loan_reference(), catalogue())


def facts(
    second: int, of: Layout | None = None, states: Mapping[str, tuple[int, int, int]] | None = None, *,
    fields: Mapping[str, FieldCount] | None = None, looked_at: int = 0, last_ms: int = -1, flags: Sequence[FlagChange] = (),
    reasons: Mapping[str, int] | None = None, width: int = 1,
) -> Facts:  # fmt: skip
    """One window of `width` seconds. states: feature -> (fine, missing, outside) of the whole; without a layout an empty stretch."""
    flat: Ints | None = None
    if of is not None:
        flat = np.zeros(of.size, np.int64)
        for feature, counts in (states or {}).items():
            of.view(flat, of.state_keys[feature])[0, :3] = counts
    return Facts(second * 1_000, (second + width) * 1_000, flat, fields or {}, looked_at, last_ms, flags, reasons or {})


def seen(subject: str, **changes: Any) -> Seen:
    fields: dict[str, Any] = {
        "segment": "whole", "subject": subject, "direction": "up", "label": "", "reference": 0.05, "line": 0.07, "current": 0.2,
        "interval": None, "n": 500, "unit": "1", "whole_looks_fine": False, "share_of_traffic": 1.0,
    }  # fmt: skip
    return Seen(**{**fields, **changes})
