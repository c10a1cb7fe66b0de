"""What every watch promises, laid on each file in the folder."""

from typing import Any

import numpy as np
import pytest
from tests.traffic import LOAN, contract_of, loan_reference

from anchorwatch.alerting.budget import SHARES_CAUSE, SHARES_HARM
from anchorwatch.watches import catalogue, load, names
from anchorwatch.watches.base import Columns, Ints, Matured, Seen, Watch
from anchorwatch.watches.layout import Layout

PROMISES = LOAN.replace("promises: {", "promises: {quality: {metric: f1, at_least: 0.8, in_every_segment: true}, ")
LAYOUTS = {
    "with reference": Layout(contract_of(PROMISES), loan_reference(), catalogue()),
    "learning": Layout(contract_of(PROMISES), None, catalogue()),
    "bare": Layout(contract_of(LOAN, promises="", segments="", features=""), None, catalogue()),
}

every_watch = pytest.mark.parametrize("watch", catalogue(), ids=lambda watch: watch.name)
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))


def test_the_file_name_is_the_name_in_a_contract() -> None:
    assert names() == ["alive", "baseline", "impact", "inputs", "labels", "latency", "predictions", "quality", "slices", "volume"]
    assert [load(name).name for name in names()] == names()


@every_watch
def test_a_watch_has_a_place_in_the_budget_and_asks_a_question(watch: Watch) -> None:
    assert watch.name in SHARES_HARM.keys() | SHARES_CAUSE.keys()
    assert watch.question.endswith("?")


@every_watch
@every_layout
def test_monitors_read_only_what_is_counted(watch: Watch, layout: Layout) -> None:
    for monitor in watch.monitors(layout):
        parts: list[tuple[str, Ints]] = [(s.key, np.concatenate([s.n, s.k])) for s in monitor.streams]
        parts += [(monitor.tilt.key, monitor.tilt.symbols)] if monitor.tilt else []
        assert parts
        for key, symbols in parts:
            assert 0 <= symbols.min() <= symbols.max() < layout.counts[key].symbols


@every_watch
@every_layout
def test_ones_are_among_the_events_and_lines_lie_inside_zero_and_one(watch: Watch, layout: Layout) -> None:
    for monitor in watch.monitors(layout):
        assert monitor.watch == watch.name
        assert monitor.clear_days > 0
        for stream in monitor.streams:
            assert set(stream.k.tolist()) <= set(stream.n.tolist())
            assert len(stream.k) > 0, "an empty piece would shift all that follow in the bank"
            assert 0 <= stream.line <= 1


@every_watch
def test_while_learning_only_promises_are_judged(watch: Watch) -> None:
    subjects = {monitor.subject for monitor in watch.monitors(LAYOUTS["learning"])}

    assert subjects <= {"inference_p99", "f1@late"}


@every_watch
@every_layout
def test_an_empty_batch_and_one_of_nothing_known_are_counted(watch: Watch, layout: Layout) -> None:
    counted: dict[str, int] = {}

    class Add:
        def __call__(self, key: str, cells: Ints, where: Any = None) -> None:
            chosen = cells if where is None else cells[where]
            assert ((chosen >= 0) & (chosen < layout.counts[key].symbols)).all()
            counted[key] = counted.get(key, 0) + len(chosen)

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None:
            assert len(cells) == len(weights)

    for n in (0, 3):
        nothing = np.full(n, np.nan)
        numbers = {f: nothing for f, kind in layout.features.items() if kind == "number"}
        codes = {f: np.full(n, -1) for f, kind in layout.features.items() if kind != "number"} | {"$.prediction": np.full(n, -1)}
        failed = np.arange(n) == 0
        watch.count(layout, Columns(n, failed, numbers, codes, nothing, nothing, nothing, nothing), Add())
        for horizon in layout.horizons:
            watch.mature(layout, Matured(n, np.zeros(n, np.int64), np.full(n, -1), nothing, failed, horizon), Add())

    assert counted.keys() <= layout.counts.keys()


@every_watch
@every_layout
def test_whatever_is_seen_can_be_said_aloud(watch: Watch, layout: Layout) -> None:
    """Also when nothing is known but that something is wrong: no `nan`, no `None` in a sentence."""
    for monitor in watch.monitors(layout):
        labels = {s.label for s in monitor.streams} | set(monitor.tilt.labels if monitor.tilt else ())
        for label in labels:
            for numbers in ((None, None, None, None), (0.2, 0.05, 0.3, (0.25, 0.35))):
                for direction in ("up", "down"):
                    reference, line, current, interval = numbers
                    seen = Seen(monitor.segment, monitor.subject, direction, label, reference, line, current, interval, 10, "1", False, 0.1)
                    told = watch.explain(seen)
                    assert "nan" not in told.summary.split()
                    assert "None" not in told.summary
                    assert told.summary.endswith(".")
                    assert told.summary[0].isupper() or told.summary[0] in "'0123456789"
                    assert told.runbook


@every_watch
@every_layout
def test_a_rule_survives_its_own_state_and_that_of_another(watch: Watch, layout: Layout) -> None:
    for rule, twin in zip(watch.rules(layout), watch.rules(layout), strict=True):
        twin.restore(rule.snapshot())
        assert twin.snapshot() == rule.snapshot()
        twin.restore({"of": "another"})
        assert twin.holds() == set()
        assert rule.watch == watch.name
