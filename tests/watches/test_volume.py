import numpy as np
import pytest
from tests.traffic import LOAN, Fault, contract_of, loan_drive, quiet_then
from tests.watches.seeing import layout, seen

from anchorwatch.stages.monitors import Monitors
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import WHOLE, Columns, Ints
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.pace import EVENTS, VOLUME
from anchorwatch.watches.volume import AMOUNT, WATCH

END_OF_TIME = "2099-01-01T00:00:00Z"


def test_a_segment_is_judged_by_its_share_of_the_whole_both_ways() -> None:
    of = layout()
    counts = of.reference_counts(EVENTS.key)
    assert counts is not None

    [found] = [m for m in WATCH.monitors(of) if m.segment == "region=asia"]

    usual = int(counts[of.rows["region=asia"], 0]) / int(counts[0, 0])
    assert [s.direction for s in found.streams] == ["up", "down"]
    assert found.streams[0].line == pytest.approx(2 * usual, rel=0.01)
    assert 1 - found.streams[1].line == pytest.approx(usual / 2, rel=0.01)
    assert not found.harm


def test_a_segment_that_goes_dark_is_heard_while_the_rest_flows() -> None:
    events, begin, end = quiet_then(2_500, Fault(mix={"eu": 0.65, "us": 0.35}))

    heard = loan_drive().feed(events).end(end)

    told = {f.segment: f for f in heard.findings if f.watch == "volume" and f.verdict == "warning"}
    assert set(told) == {"region=asia", "region=af"}
    assert told["region=asia"].summary == "Now only 0 % of predictions belong to region=asia (reference 14.7 %)."
    assert told["region=asia"].window[1] - begin <= 2_000
    assert heard.alerts
    assert all(a.labels["severity"] != "critical" for a in heard.alerts)


def test_a_burst_of_all_segments_moves_no_share() -> None:
    events, _, end = quiet_then(3_000, Fault(), rate=1_000)

    heard = loan_drive().feed(events).end(end)

    assert [f for f in heard.findings if f.watch == "volume"] == []


def test_too_much_and_too_little_are_0_1_streams_of_spells() -> None:
    of = layout()
    assert of.reference is not None
    of.reference.pace.update(rates=(10.0,) * 168, silent=(10.0, 400.0), volume=(100.0, 2.0, 236.0, 2.0, 1.0, 1.0))
    try:
        monitors = Monitors(of, 30.0)
        [found] = [m for m in monitors.every if m.key == AMOUNT]
        verdicts = []
        for i in range(6):
            flat = np.zeros(of.size, np.int64)
            of.view(flat, VOLUME.key)[0] = [1, 0, 0] if i else [0, 1, 0]
            verdicts += [(h.change.verdict, h.label) for h in monitors.window(flat, 0.25, i, i + 1) if h.monitor.key == AMOUNT]
    finally:
        of.reference.pace.clear()

    assert [s.label for s in found.streams] == ["low", "high"]
    assert found.streams[0].line < 0.1
    assert verdicts == [("warning", "low")]


def test_events_are_counted_once_whoever_is_switched_off() -> None:
    def counted(text: str) -> int:
        of, total = Layout(contract_of(text), None, catalogue()), 0

        class Add:
            def __call__(self, key: str, cells: Ints, where: object = None) -> None:
                nonlocal total
                total += len(cells) * (key == EVENTS.key)

            def weighted(self, key: str, cells: Ints, weights: Ints) -> None: ...

        nothing = np.full(3, np.nan)
        columns = Columns(
            3,
            np.zeros(3, bool),
            dict.fromkeys(("amount", "age"), nothing),
            {"job": np.zeros(3, np.int64)},
            nothing,
            nothing,
            nothing,
            nothing,
        )
        columns.codes["$.prediction"] = np.zeros(3, np.int64)
        for watch in of.watches:
            watch.count(of, columns, Add())
        return total

    off = [f'watches: {{{name}: {{disabled: "not now", until: {END_OF_TIME}}}}}\n' for name in ("alive", "volume")]

    assert [counted(LOAN + more) for more in ("", *off)] == [3, 3, 3]


@pytest.mark.parametrize(("subject", "more", "text"), [
    ("amount", {"label": "low"}, "Less than half the usual number of predictions arrives for this hour of the week."),
    ("amount", {"label": "high"}, "More than twice the usual number of predictions arrives for this hour of the week."),
    ("share", {"segment": "region=eu", "direction": "down", "current": 0.01}, "Now only 1 % of predictions belong to region=eu (reference 5 %)."),
    ("share", {"segment": "other"}, "Now 20 % of predictions belong to other (reference 5 %)."),
])  # fmt: skip
def test_sentences_of_volume(subject: str, more: dict[str, object], text: str) -> None:
    told = WATCH.explain(seen(subject, **more))

    assert (told.name, told.summary) == ("VolumeShifted", text)


def test_the_whole_has_no_share_of_itself() -> None:
    assert [m.key for m in WATCH.monitors(layout()) if m.segment == WHOLE] == []
