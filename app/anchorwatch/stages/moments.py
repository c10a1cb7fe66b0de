"""When may time alone, or a flag, change what a model's exact rules answer?"""

from collections.abc import Iterable, Sequence

from anchorwatch.events import FlagChange
from anchorwatch.watches.rules import Rule


def moments(rules: Iterable[Rule], known: tuple[int, int], to_ms: int, flags: Sequence[FlagChange], step: int) -> set[int]:
    """Ends of windows at which an answer may change, and `to_ms`. known: newest prediction (-1: none), since when it is watched."""
    last_ms, since_ms = known
    found = {to_ms}
    for rule in rules:
        after = getattr(rule, "after_ms", None)
        if after is not None and last_ms >= 0:
            found.add(ceil(max(last_ms, since_ms, getattr(rule, "awake_ms", -1)) + after, step))
    return found | {(int(f.changed_at_ms or 0) // step + 1) * step for f in flags}


def ceil(at_ms: int | None, step: int) -> int:
    """The end of the first window that holds `at_ms` or begins there; -1: never."""
    return -1 if at_ms is None else -(-at_ms // step) * step
