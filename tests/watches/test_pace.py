"""The clock of expected events: what a reference teaches, which spells end when, and how often quiet traffic would be called silent."""

import numpy as np
import pytest
from tests.watches.seeing import layout

from anchorwatch.estimators.bank import TableBank
from anchorwatch.estimators.season import CELLS, HOUR_MS
from anchorwatch.watches.alive import WATCH
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.pace import SILENT, VOLUME, Meter, pace, pace_of

MONDAY = 4 * 24 * HOUR_MS  # 1970-01-05 00:00 UTC
DAY_MS = 24 * HOUR_MS
MINUTES = 5
WINDOW = MINUTES * 60_000


def rate(hour_of_day: Ints, peak: float = 60.0) -> np.typing.NDArray[np.float64]:
    """Events an hour: none from midnight to 5, most at 15 o'clock."""
    found: np.typing.NDArray[np.float64] = peak * np.clip(np.sin((hour_of_day - 5) / 19 * np.pi), 0, None)
    return found


def counted(days: int, seed: int, *, bursts: float = 0.0, peak: float = 60.0) -> Ints:
    """Events of each window; bursts: share of the rate's log that wanders from hour to hour."""
    rng = np.random.default_rng(seed)
    hours = np.repeat(np.arange(24 * days), 60 // MINUTES)
    wander = np.exp(rng.normal(0, bursts, 24 * days) - bursts**2 / 2)[hours] if bursts else 1.0
    return rng.poisson(rate(hours % 24, peak) * wander * MINUTES / 60)


def at_of(counts: Ints, seed: int) -> Ints:
    rng = np.random.default_rng(seed)
    starts = MONDAY + np.repeat(np.arange(len(counts)), counts) * WINDOW
    return np.asarray(starts + rng.integers(0, WINDOW, len(starts)), np.int64)


def with_pace(counts: Ints, seed: int, zone: str = "UTC") -> Layout:
    of = layout()
    assert of.reference is not None
    of.reference.pace.clear()
    of.reference.pace.update(pace_of(at_of(counts, seed), MONDAY, MONDAY + len(counts) * WINDOW, zone))
    return of


@pytest.fixture(autouse=True)
def _no_pace_stays() -> object:
    """The loan reference is shared by all tests."""
    yield
    reference = layout().reference
    assert reference is not None
    reference.pace.clear()


def test_a_reference_of_less_than_a_week_says_nothing_of_volume() -> None:
    assert pace_of(at_of(counted(6, 1), 1), MONDAY, MONDAY + 6 * DAY_MS, "UTC") == {}
    assert pace(layout()) is None


def test_the_hours_of_the_week_are_learnt_by_the_clock_of_the_business() -> None:
    """Business at 9 to 17 o'clock on weekdays in New York, five hours behind in winter."""
    hours = np.arange(28 * 24)
    local = (hours - 5) % 168
    counts = np.where((local < 120) & (local % 24 >= 9) & (local % 24 < 17), 100, 0)
    at = MONDAY + np.repeat(hours, counts) * HOUR_MS

    rates = np.array(pace_of(at, MONDAY, MONDAY + 28 * DAY_MS, "America/New_York")["rates"])

    assert rates[9:17] == pytest.approx(100, rel=0.01)
    assert rates[120:].max() < 1


def test_a_spell_is_longer_than_the_longest_gap_of_the_reference() -> None:
    usual = pace(with_pace(counted(28, 2), 2))
    assert usual is not None

    assert usual.expected >= 10
    assert len(usual.rates) == CELLS
    assert usual.spells == int(counted(28, 2).sum() / usual.expected)


def test_a_night_without_traffic_is_no_silence_and_a_noon_is() -> None:
    """The last prediction falls into the first spell; the next one is silent."""
    noon, night = (Meter(with_pace(counted(28, 3), 3), WINDOW) for _ in range(2))
    noon.advance(MONDAY + 15 * HOUR_MS, 1)
    night.advance(MONDAY + 24 * HOUR_MS, 1)

    first = noon.next_end()
    assert noon.advance(first, 0)[SILENT.key].tolist() == [1, 0]
    second = noon.next_end()
    assert second - (MONDAY + 15 * HOUR_MS) < 45 * 60_000
    assert noon.advance(second, 0)[SILENT.key].tolist() == [0, 1]
    assert night.advance(MONDAY + 29 * HOUR_MS, 0) == {}


def test_the_next_end_is_the_first_window_whose_spell_ends_and_not_one_before() -> None:
    for start in range(MONDAY, MONDAY + DAY_MS, 97 * 60_000):
        meter = Meter(with_pace(counted(28, 4), 4), WINDOW)
        begin = start // WINDOW * WINDOW
        meter.advance(begin, 1)
        meter.silent.expected, meter.silent.events = 0.0, 0
        end = meter.next_end()
        assert SILENT.key not in meter.advance(end - WINDOW, 0) or end - WINDOW == begin
        assert meter.advance(end, 0)[SILENT.key].tolist() == [0, 1]


def test_spells_do_not_depend_on_how_far_time_jumps() -> None:
    counts = counted(4, 5)
    counts[500:700] = 0
    told = []
    for steps in (1, 10):
        meter = Meter(with_pace(counted(28, 5), 5), WINDOW)
        total = {SILENT.key: 0, VOLUME.key: 0}
        for i in range(0, len(counts), steps):
            if steps == 1 or counts[i : i + steps].any():
                for j, n in enumerate(counts[i : i + steps]):
                    for key, symbols in meter.advance(MONDAY + (i + j + 1) * WINDOW, int(n)).items():
                        total[key] += int(symbols.sum())
        told.append(total)

    assert told[0][VOLUME.key] > 0
    assert told[0][SILENT.key] >= told[1][SILENT.key] > 0


def test_a_restored_meter_goes_on() -> None:
    of, counts = with_pace(counted(28, 6), 6), counted(2, 7)
    meter = Meter(of, WINDOW)
    for i, n in enumerate(counts[:200]):
        meter.advance(MONDAY + (i + 1) * WINDOW, int(n))
    twin = Meter(of, WINDOW)
    twin.restore(meter.snapshot())

    rest = [(MONDAY + (i + 201) * WINDOW, int(n)) for i, n in enumerate(counts[200:])]

    for to_ms, n in rest:
        one, other = meter.advance(to_ms, n), twin.advance(to_ms, n)
        assert {k: v.tolist() for k, v in one.items()} == {k: v.tolist() for k, v in other.items()}


@pytest.mark.parametrize("bursts", [0.0, 0.7])
def test_quiet_traffic_is_not_called_silent_more_often_than_promised(bursts: float) -> None:
    """Four fleets, 28 days of reference, 60 days of life; a mark of 20 days and a share of .5: 60 * .5 / 20 = 1.5 alarms each are promised."""
    alarms = 0
    for seed in range(4):
        of = with_pace(counted(28, 100 + seed, bursts=bursts), seed)
        alarms += heard(of, counted(60, 200 + seed, bursts=bursts), level=20.0, share=0.5)

    assert alarms <= 4 * 1.5


def heard(of: Layout, counts: Ints, *, level: float, share: float) -> int:
    [monitor] = WATCH.monitors(of)
    assert monitor.tilt is not None
    bank = TableBank(
        tables=monitor.tilt.table[None], phi=np.ones((1, 6)), heal=monitor.tilt.heal, share=[share], clear_days=[1 / 24], pages=[True],
        level_days=level, healing_min=3.0,
    )  # fmt: skip
    meter, alarms, credited = Meter(of, WINDOW), 0, 0.0
    for i, n in enumerate(counts):
        credited += WINDOW / DAY_MS
        ended = meter.advance(MONDAY + (i + 1) * WINDOW, int(n)).get(SILENT.key)
        if ended is not None:
            at = (i + 1) * WINDOW
            alarms += sum(c.verdict == "page" for c in bank.window(ended[None], credited, at - WINDOW, at))
            credited = 0.0
    return alarms


def test_an_outage_at_noon_pages_within_hours_and_ends_after_it() -> None:
    of, life = with_pace(counted(28, 8), 8), counted(10, 9)
    outage = life.copy()
    noon = (5 * 24 + 12) * 60 // MINUTES
    outage[noon : noon + 6 * 60 // MINUTES] = 0

    assert heard(of, life, level=30.0, share=0.075) == 0
    assert heard(of, outage, level=30.0, share=0.075) == 1
