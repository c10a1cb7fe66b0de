import numpy as np
import pytest
from tests.traffic import LOAN, Fault, contract_of, loan_drive, quiet_then
from tests.watches.seeing import layout, seen

from anchorwatch.estimators.bank import BernoulliBank
from anchorwatch.stages.monitors import Monitors
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import WHOLE, Columns, Ints
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.pace import EVENTS, VOLUME, Meter, pace_of
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


HOUR_MS, MONDAY = 3_600_000, 345_600_000  # 1970-01-05 00:00 UTC


def hourly(days: int, seed: int, wander: float, more: float = 1.0) -> Ints:
    """Events of each hour, up to 60 at 15 o'clock and none at night; `wander` of the rate's log from hour to hour."""
    rng, hours = np.random.default_rng(seed), np.arange(24 * days)
    usual = 60 * np.clip(np.sin((hours % 24 - 5) / 19 * np.pi), 0, None)
    return rng.poisson(more * usual * np.exp(rng.normal(0, wander, len(hours)) - wander**2 / 2))


def amount(seed: int, wander: float) -> Layout:
    of, counts = layout(), hourly(28, seed, wander)
    assert of.reference is not None
    at = MONDAY + np.repeat(np.arange(len(counts)), counts) * HOUR_MS
    at += np.random.default_rng(seed).integers(0, HOUR_MS, len(at))
    of.reference.pace.clear()
    of.reference.pace.update(pace_of(at, MONDAY, MONDAY + len(counts) * HOUR_MS, "UTC"))
    of.reference.phi[AMOUNT] = of.reference.pace["volume"][-2:]
    return of


def alarms(of: Layout, counts: Ints, level: float, share: float) -> list[int]:
    """Hours at which the amount alarms, as a monitor of its own."""
    [found] = [m for m in WATCH.monitors(of) if m.key == AMOUNT]
    bank = BernoulliBank(
        group=[0, 0], line=[s.line for s in found.streams], phi=of.phi(AMOUNT, 2), up=True, share=share, clear_days=1.0, pages=True,
        level_days=level, healing_min=3.0,
    )  # fmt: skip
    meter, told, credited = Meter(of, HOUR_MS), [], 0.0
    for hour, n in enumerate(counts.tolist()):
        credited += 1 / 24
        spells = meter.advance(MONDAY + (hour + 1) * HOUR_MS, n).get(VOLUME.key)
        if spells is not None:
            ones = [int(spells[stream.k[0]]) for stream in found.streams]
            changes = bank.window([1, 1], ones, credited, hour * HOUR_MS, (hour + 1) * HOUR_MS)
            told += [hour for change in changes if change.verdict == "page" and not change.relapse]
            credited = 0.0
    return told


@pytest.mark.parametrize("wander", [0.0, 0.5])
def test_quiet_traffic_alarms_no_more_often_than_promised_and_half_of_it_does(wander: float) -> None:
    """28 days of reference, 60 of life, a mark of 20 days and a share of .5: 60 * .5 / 20 = 1.5 alarms each are promised; twelve models."""
    quiet = halved = 0
    try:
        for seed in range(12):
            of = amount(seed, wander)
            quiet += len(alarms(of, hourly(60, 100 + seed, wander), 20.0, 0.5))
            halved += bool(alarms(of, hourly(10, 200 + seed, wander, more=0.3), 20.0, 0.5))
    finally:
        clean = layout().reference
        assert clean is not None
        clean.pace.clear()
        clean.phi.pop(AMOUNT, None)

    assert quiet <= 12 * 1.5
    assert halved == 12


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
