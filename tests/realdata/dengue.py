"""52,987 dengue cases of Puerto Rico by the week they began and the week they were reported. 1990 and 1991 are the reference."""

import numpy as np
from numpy.typing import NDArray
from tests.realdata.reading import DAY_MS, Stream, contract_of, in_time, known, ms, predicted, table
from tests.realdata.shown import Claim, Shown, heard, told_of

from anchorwatch.estimators.late_labels import arrived_share
from anchorwatch.runtime.backtest import Told

UNTIL = ms("1992-01-01")
WEEK_MS = 7 * DAY_MS
LONGEST = 26  # weeks, the longest delay of the file
SPAN = 52  # weeks of cases that an estimate is made of
AGES = range(1, 7)  # weeks
BIAS_MAX = 0.005


def stream() -> Stream:
    """Cases are spread over the week in which they began, reports by luck over theirs."""
    contract, toss = contract_of("dengue"), np.random.default_rng(40)
    events = []
    for row in table("dengue_reporting"):
        began, reported, cases = ms(row["onset_week"]), ms(row["report_week"]), int(row["cases"])
        for i in range(cases):
            id_, at = f"{row['onset_week']}/{row['report_week']}/{i}", began + int(toss.integers(WEEK_MS))
            events.append(predicted(contract, at, id_, "case", {}))
            events.append(known(contract, max(reported + int(toss.integers(WEEK_MS)), at), id_, "case"))
    return Stream("dengue_reporting", contract, in_time(events), UNTIL, window_ms=WEEK_MS)


def triangle() -> NDArray[np.int64]:
    """int64[weeks, delays]: cases by the week they began and by their delay."""
    rows = [(ms(r["onset_week"]) // WEEK_MS, ms(r["report_week"]) // WEEK_MS, int(r["cases"])) for r in table("dengue_reporting")]
    first = min(began for began, *_ in rows)
    found = np.zeros((max(began for began, *_ in rows) - first + 1, LONGEST + 1), np.int64)
    for began, reported, cases in rows:
        found[began - first, reported - began] += cases
    return found


def biases() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of estimate less truth at each age, over every week at which a year of cases is behind and all its reports became known later:
    by the reverse-time product limit, and by the plain share of what has arrived."""
    cases = triangle()
    delays = np.arange(LONGEST + 1)
    ours, plain = [], []
    for now in range(SPAN, len(cases) - LONGEST):
        year = cases[now - SPAN + 1 : now + 1][::-1]  # by age, 0 first
        arrived = np.where(delays <= np.arange(SPAN)[:, None], year, 0)
        truth = year.sum(0).cumsum() / year.sum()
        ours.append(arrived_share(arrived) - truth)
        plain.append(arrived.sum(0).cumsum() / arrived.sum() - truth)
    ages = list(AGES)
    return np.mean(ours, axis=0)[ages], np.mean(plain, axis=0)[ages]


def reverse_time(_: Told) -> Shown:
    ours, plain = biases()
    words = " ".join(f"{x:+.4f}" for x in ours)
    return Shown(bool(np.abs(ours).max() <= BIAS_MAX), f"{words} at ages 1 to 6 weeks; the plain share is off by {np.abs(plain).max():.3f}")


def late_in_season(found: Told) -> Shown:
    """The season of dengue in Puerto Rico is August to January."""
    late = heard(found, name="LabelsLate")
    in_season = [r for r in late if int(_month(r.at_ms)) in (8, 9, 10, 11, 12, 1)]
    return Shown(bool(in_season), f"{len(late)} in 19 years, {len(in_season)} of them from August to January: {told_of(late)}")


def _month(at_ms: int) -> str:
    return str(np.datetime64(at_ms, "ms"))[5:7]


CLAIMS = (
    Claim("dengue", "reverse-time share of arrived labels: bias within .005 at ages 1 to 6 weeks", reverse_time),
    Claim("dengue", "labels late in season", late_in_season),
)
