"""News of an error that fell: where the line lies, how soon and how seldom it is told, and that it disturbs nothing."""

import doctest
import random

import numpy as np
import pytest
from scipy.stats import binom
from tests.traffic import (
    LOAN,
    T0,
    Fault,
    contract_of,
    in_order,
    learnt,
    loan_applied,
    loan_drive,
    loan_reference,
    outcome,
    prediction,
    quiet_then,
    traffic,
)
from tests.watches.seeing import layout, seen

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.estimators.bank import BernoulliBank, Change, TableBank
from anchorwatch.estimators.lines import line_above, luck
from anchorwatch.estimators.tables import promise, promise_heal, stack
from anchorwatch.runtime.drive import Event, Heard, applied_of
from anchorwatch.stages.banks import shares
from anchorwatch.stages.monitors import Monitors
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches import better, catalogue
from anchorwatch.watches.base import Floats, Ints, Monitor
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.quality import ERROR_BINS

DAY_MS, N_DAYS = 86_400_000, 10.0
NUMBERS = LOAN.replace("task: binary", "task: regression").replace('classes: ["no", "yes"], positive: "yes", ', "")


def errors(of: Layout, segment: str = "whole") -> Monitor | None:
    return next((m for m in of.monitors if m.subject == better.ERROR and m.segment == segment), None)


# where the line lies


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(better).failed == 0


def test_the_line_lies_two_points_or_a_fifth_below_the_references_error_and_looks_down() -> None:
    """Of 5 % two points; the luck of 8,000 labels is less than that."""
    found = errors(layout())

    assert found is not None
    assert found.reference == pytest.approx(0.05, abs=0.005)
    assert found.line is not None
    assert found.reference is not None
    assert found.line == pytest.approx(found.reference - 0.02, abs=1e-3)
    assert (found.news, found.harm, found.streams[0].direction) == (True, False, "down")
    assert found.streams[0].line == pytest.approx(1 - found.line)


def test_a_promise_on_the_error_does_not_take_the_news_away() -> None:
    of = layout(LOAN.replace("promises: {", "promises: {quality: {metric: error, at_most: 0.2}, "))

    assert errors(of) is not None


def test_nothing_can_get_better_where_nobody_knows_the_error_or_it_is_nearly_none() -> None:
    right = learnt(contract_of(), traffic(2_000, start_ms=T0 - 3_600_000, seed=7, fault=Fault(error=0.0)))

    assert errors(layout(learning=True)) is None
    assert errors(Layout(contract_of(), right, catalogue())) is None
    assert errors(Layout(contract_of(), right, catalogue()), "region=af") is None


def test_news_takes_no_share_from_harm_and_its_own_list_sums_to_no_more_than_one() -> None:
    of = layout()
    found, n = shares(of.monitors, len(of.segments) - 1), len(of.segments) - 1
    before = shares([m for m in of.monitors if not m.news], n)

    assert {m.key for m in of.monitors if m.news} == found.keys() - before.keys()
    assert all(found[key] == share for key, share in before.items())
    assert 0 < sum(found[m.key] for m in of.monitors if m.news) <= 1 + 1e-9


def test_it_has_the_clumping_of_the_error_and_none_of_its_own() -> None:
    """So that a reference that was learnt before has it as well."""
    of, found = layout(), errors(layout())
    assert found is not None
    assert of.reference is not None

    of.reference.phi[found.like] = (7.0,)
    try:
        clumped = Layout(of.contract, of.reference, of.watches)

        assert clumped.phi_of(found, 1) == (7.0,)
        assert found.key not in of.reference.phi
    finally:
        del of.reference.phi[found.like]


# rates: how seldom, how soon


def bank(lines: Floats, level_days: float = N_DAYS) -> BernoulliBank:
    """Monitors that share one; their ones are right answers."""
    size = len(lines)
    return BernoulliBank(
        group=np.arange(size), line=lines, share=1 / size, clear_days=better.CLEAR_DAYS, pages=False, news=True, phi=1.0, up=False,
        level_days=level_days,
    )  # fmt: skip


def right_answers(found: BernoulliBank, error: float, days: int, a_day: int, rng: np.random.Generator) -> list[Change]:
    n = np.full(found.size, a_day)
    return [
        c for day in range(days) for c in found.window(n, rng.binomial(a_day, 1 - error, found.size), 1.0, day * DAY_MS, (day + 1) * DAY_MS)
    ]


@pytest.mark.parametrize("labels", [300, 3_000])
def test_an_error_that_stays_is_no_news_however_lucky_its_reference(labels: int) -> None:
    """100 references of so many labels each, 300 days: at most 30 are promised."""
    rng = np.random.default_rng(labels)
    right = rng.binomial(labels, 0.9, 100)
    fall = np.array([better.fall_of(1 - k / labels) for k in right])
    lines = line_above(right, labels, fall, 1.0, float(luck(3_000 / 28)))

    told = right_answers(bank(lines), 0.1, 300, 200, rng)

    assert sum(c.verdict == "news" and not c.relapse for c in told) <= binom.ppf(0.999, 300, 0.1)
    assert {c.verdict for c in told} <= {"news", "recovering", "quiet"}


def test_exactly_on_its_line_it_is_told_no_oftener_than_promised() -> None:
    rng = np.random.default_rng(3)

    told = right_answers(bank(np.full(100, 1 - 0.216)), 0.216, 300, 200, rng)

    assert sum(c.verdict == "news" and not c.relapse for c in told) <= binom.ppf(0.999, 300, 0.1)


def test_a_late_rate_that_falls_from_27_to_16_per_cent_is_told_within_days() -> None:
    """100 models of 600 independent flights a day, each with a whole list of its own."""
    rng = np.random.default_rng(5)
    found = BernoulliBank(
        group=np.arange(100), line=np.full(100, 1 - 0.216), share=0.3, clear_days=1.0, pages=False, news=True, phi=1.0, up=False,
        level_days=30.0,
    )  # fmt: skip

    told = [c for c in right_answers(found, 0.27, 10, 600, rng) if c.verdict == "news"]
    then = [c.monitor for c in right_answers(found, 0.16, 4, 600, rng) if c.verdict == "news"]

    assert told == []
    assert len(set(then)) == 100


def sizes(mean: float, n: int, rng: np.random.Generator) -> Floats:
    """int64[bins + 1]: |e| of a half normal with that mean, in units of the clip."""
    drawn = np.minimum(np.abs(rng.normal(0, mean * np.sqrt(np.pi / 2), n)), 1 - 1e-9)
    return np.bincount((drawn * ERROR_BINS).astype(int), minlength=ERROR_BINS).astype(float)


def numbers_told(factor: float, days: int, seed: int, monitors: int = 60) -> list[str]:
    """Verdicts of monitors with references of their own (2,000 labels of mean .2), while errors are `factor` times as large."""
    rng = np.random.default_rng(seed)
    upper, values = (np.arange(ERROR_BINS) + 1) / ERROR_BINS, []
    for _ in range(monitors):
        usual = sizes(0.2, 2_000, rng)
        mean = (usual * upper).sum() / usual.sum()
        spread = np.sqrt((usual * (upper - mean) ** 2).sum()) / usual.sum()
        values.append(upper - mean * (1 - better.FELL_SHARE) + 2 * spread)
    found = TableBank(
        tables=np.stack([promise(v) for v in values]), phi=np.ones((monitors, 6)), heal=stack([promise_heal(v) for v in values]),
        share=1 / monitors, clear_days=1.0, pages=False, news=True, level_days=N_DAYS,
    )  # fmt: skip
    told: list[str] = []
    for day in range(days):
        counts = np.stack([sizes(0.2 * factor, 100, rng) for _ in range(monitors)]).astype(np.int64)
        told += [c.verdict for c in found.window(counts, 1.0, day * DAY_MS, (day + 1) * DAY_MS)]
    return told


def test_numbers_that_miss_by_as_much_as_before_or_a_fifth_less_are_no_news() -> None:
    for factor in (1.0, 0.8):
        assert numbers_told(factor, 100, 1).count("news") <= binom.ppf(0.999, 100, 0.1), (
            "100 days of lists that sum to one: 10 are promised"
        )


def test_numbers_that_miss_by_half_as_much_are_told() -> None:
    assert numbers_told(0.5, 20, 2).count("news") == 60


def test_the_monitor_of_numbers_has_the_line_that_the_rates_are_tested_with() -> None:
    """Counts of the reference given by hand: mean |e| 2, unit 10, so .2; upper edges lie half a bin above."""
    binned = np.append(sizes(0.2, 20_000, np.random.default_rng(1)), 0).astype(np.int64)[None]
    upper = (np.arange(ERROR_BINS) + 1) / ERROR_BINS

    class Known(Layout):
        def reference_counts(self, key: str, monitor: str = "") -> Ints | None:
            return binned if key == "abs_error@late" else super().reference_counts(key, monitor)

    [found] = better.smaller_errors(Known(contract_of(), loan_reference(), catalogue()), 0, "whole", "abs_error@late", 2.0, 10.0)

    assert found.tilt is not None
    zero = float(np.interp(0.0, np.array(promised_values(found)), upper))
    mean = float((binned[0, :-1] * upper).sum() / 20_000)
    assert zero == pytest.approx(0.8 * mean, rel=0.03)
    assert found.line == pytest.approx(2.0 + (zero - mean) * 10.0, rel=0.01)


def promised_values(found: Monitor) -> list[float]:
    """Up to a factor: bets are `ln(1 - b v / max v)`, the first with b = .05."""
    assert found.tilt is not None
    return [float(-np.expm1(gain) / 0.05) for gain in found.tilt.table[0]]


# whole stories


def numbers_traffic(n: int, start_ms: int, seed: int, sigma: float = 10.0) -> list[Event]:
    """n predictions of a number, 500 a second, that miss by a normal of that sigma; labels come after 1 to 3 s."""
    rng, events = random.Random(f"{seed}/{start_ms}/numbers"), []
    for i in range(n):
        at, pid, truth = start_ms + 2 * i, f"{seed}-{start_ms}-{i}", rng.gauss(100, 20)
        features = {"amount": round(rng.gauss(100, 20), 2), "age": round(rng.gauss(40, 10), 1), "job": rng.choice("abc")}
        record = {"prediction_id": pid, "model": "loan", "prediction": truth + rng.gauss(0, sigma), "features": features}
        events.append(prediction(at, **record, predicted_at_ms=at, segments={"region": "eu", "tier": "gold"}))
        known = at + rng.randint(1_000, 2_900)
        events.append(outcome(known, prediction_id=pid, model="loan", label=truth, known_at_ms=known))
    return in_order(events)


def told_of(heard: Heard, subject: str = better.ERROR) -> list[tuple[str, str, str]]:
    return [(a.labels["segment"], a.labels["severity"], a.state) for a in heard.alerts if a.labels["subject"] == subject]


def test_a_model_that_got_better_is_told_once_as_info_and_nothing_else_is() -> None:
    events, begin, end = quiet_then(5_000, Fault(error=0.0))

    heard = loan_drive().feed(events).end(end + 4_000)

    whole = [a for a in heard.alerts if a.labels["segment"] == "whole"]
    assert ("whole", "info", "firing") in told_of(heard)
    assert {a.labels["severity"] for a in heard.alerts} == {"info"}
    assert whole[0].labels["alertname"] == "QualityRose"
    assert whole[0].annotations["summary"].startswith("Answers are wrong 0 % [")
    assert "anchorwatch alerts accept" in whole[0].annotations["description"]
    assert (whole[0].outside_budget, whole[0].evidence["direction"], whole[0].evidence["explains_whole"]) == (False, "down", False)
    assert begin - 5_000 <= whole[0].evidence["change_point_ms"] <= begin + 5_000
    assert {f.verdict for f in heard.findings if f.subject == better.ERROR} == {"news"}
    assert max(v for v in heard.summaries[-1].columns["evidence_days"] if v is not None) < 0.1, "it is no evidence against anybody"


def test_a_model_that_stays_as_it_is_is_no_news() -> None:
    events, _, end = quiet_then(5_000, Fault())

    heard = loan_drive().feed(events).end(end + 4_000)

    assert told_of(heard) == []


def test_what_gets_worse_after_it_got_better_pages_as_an_alert_of_its_own() -> None:
    events, _, end = quiet_then(4_000, Fault(error=0.0))
    worse = traffic(3_000, start_ms=end, seed=9, fault=Fault(error=0.3))

    heard = loan_drive().feed(in_order([*events, *worse])).end(end + 12_000)

    news, page = (
        next(a for a in heard.alerts if a.labels["subject"] == s and a.labels["segment"] == "whole") for s in (better.ERROR, "error@late")
    )
    pages = [a for a in heard.alerts if a.labels["severity"] == "critical"]
    assert any(a.loud for a in pages)
    assert news.incident not in {a.incident for a in pages}
    assert page.dedup_key == "prod/loan/quality:error@late/whole"
    assert all("finding" not in {cause.get("kind") for cause in a.caused_by} for a in pages)


def test_numbers_that_got_better_are_told_by_their_mean_error() -> None:
    """A regression whose answers miss by half as much from some time on."""
    contract = contract_of(NUMBERS)
    known = learnt(contract, numbers_traffic(4_000, T0 - 3_600_000, 7))
    begin = T0 + 4_000
    events = in_order([*numbers_traffic(2_000, T0, 2), *numbers_traffic(4_000, begin, 3, sigma=4.0)])

    heard = loan_drive(applied_of(contract, reference_to_json(known))).feed(events).end(begin + 14_000)

    whole = next(a for a in heard.alerts if a.labels["subject"] == better.ABS_ERROR and a.labels["segment"] == "whole")
    assert (whole.labels["alertname"], whole.labels["severity"]) == ("QualityRose", "info")
    assert 3.2 - 0.2 < whole.evidence["current"] < whole.evidence["line"], "sigma 4: mean |e| 3.2, of the seconds since then"
    assert whole.evidence["reference"] == pytest.approx(8.0, abs=0.3), "sigma 10: 8.0"
    assert whole.annotations["summary"].endswith(", was 8.02: ask why before you celebrate.")


# words


def test_sentences_say_what_was_and_when_it_is_over() -> None:
    late = {"reference": 0.27, "line": 0.216, "direction": "down"}
    told = better.explain(seen(better.ERROR, current=0.16, interval=(0.15, 0.17), **late))
    over = better.explain(seen(better.ERROR, current=0.26, segment="Origin=IAH", **late))
    numbers = better.explain(seen(better.ABS_ERROR, current=3.2, reference=8.0, line=6.4))

    assert told.summary == "Answers are wrong 16 % [15, 17] of the time, was 27 %: ask why before you celebrate."
    assert over.summary == "Answers on Origin=IAH are wrong 26 % of the time, was 27 %: no longer better."
    assert numbers.summary == "The mean error is 3.2, was 8: ask why before you celebrate."
    assert told.name == numbers.name == "QualityRose"


# state


def test_evidence_that_a_release_without_news_left_goes_on() -> None:
    of = layout()
    older = layout()
    older.__dict__["monitors"] = tuple(m for m in of.monitors if not m.news)
    before, after = Monitors(older, 30.0), Monitors(of, 30.0)
    flat = np.zeros(of.size, np.int64)
    of.view(flat, next(key for key, count in of.counts.items() if count.name == "confusion@late"))[0, :2] = [90, 10]
    before.window(flat, 1.0, 0, DAY_MS)

    restored = after.restore(*before.snapshot())

    assert restored
    assert {key: after.evidence()[key] for key in before.evidence()} == before.evidence()
    assert before.evidence()["quality:error@late/whole"] > 0
    assert all(days == 0 for key, days in after.evidence().items() if "lower." in key)


def test_an_alert_of_an_older_release_is_read_and_is_no_news() -> None:
    kept = ModelAlerts("prod", "loan", None, fallback_owner="risk")
    events, _, end = quiet_then(3_000, Fault(error=0.4))
    drive = loan_drive(loan_applied())
    drive.feed(events).end(end + 3_000)
    state = drive.judge.models["prod/loan"].alerts.snapshot()
    for incident in state["incidents"].values():
        del incident["news"]
    for alert in state["alerts"].values():
        del alert["words"]["news"]

    kept.restore(state)

    assert {a.labels["severity"] for a in kept.open()} >= {"critical"}
