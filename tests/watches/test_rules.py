"""What every exact rule promises: changes only, the same facts give the same, a twin has the same future."""

import random

import pytest
from tests.traffic import flag_change
from tests.watches.seeing import facts, layout

from anchorwatch.events import FieldCount
from anchorwatch.watches import catalogue
from anchorwatch.watches.rules import Facts

OF = layout()
NAMES = [type(rule).__name__ for watch in catalogue() for rule in watch.rules(OF)]


def story(seed: int) -> list[Facts]:
    """Windows with all kinds of trouble, coming and going."""
    rng = random.Random(seed)
    flags = sorted(
        (flag_change(rng.randrange(60_000), rng.choice(["off", "on"])) for _ in range(4)), key=lambda f: int(f.changed_at_ms or 0)
    )
    found, last = [], -1
    for second in range(60):
        quiet = rng.random() < 0.3
        last = last if quiet else second * 1_000 + 500
        gone, wrong, new = (rng.random() < 0.3 for _ in range(3))
        fields = {"amount": FieldCount(40, {"text": 40}, [(1, "x")])} if wrong else {}
        fields |= {"Age": FieldCount(40, {"number": 40}, [(1, 40.0)])} if new else {}
        states = {"amount": (0, 40, 0) if wrong else (40, 0, 0), "age": (0, 40, 0) if gone else (40, 0, 0), "job": (40, 0, 0)}
        known = [f for f in flags if int(f.changed_at_ms or 0) < (second + 1) * 1_000]
        reasons = {rng.choice(["default", "split"]): 40}
        found.append(
            facts(second, last_ms=last, flags=known)
            if quiet
            else facts(second, OF, states, fields=fields, looked_at=40, last_ms=last, flags=known, reasons=reasons)
        )
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_a_rule_tells_changes_only_and_its_twin_goes_on_alike(name: str, seed: int) -> None:
    def fresh() -> object:
        return next(rule for watch in catalogue() for rule in watch.rules(OF) if type(rule).__name__ == name)

    rule, other = fresh(), fresh()
    open_now: set[tuple[str, str]] = set()
    for window in story(seed):
        told = rule.window(window)  # type: ignore[attr-defined]
        twin = fresh()
        twin.restore(other.snapshot())  # type: ignore[attr-defined]
        assert twin.window(window) == told  # type: ignore[attr-defined]
        other = twin
        for each in told:
            key = (each.name, each.subject)
            assert (key in open_now) != each.open, f"{key} was told twice"
            open_now = open_now | {key} if each.open else open_now - {key}
        assert {subject for _, subject in open_now} == rule.holds()  # type: ignore[attr-defined]
