"""Rented bicycles in Washington, hour by hour: 2011, with all its seasons, is the reference; 2012 is far above it."""

import numpy as np
from tests.realdata.frozen import least_squares, one_hot
from tests.realdata.reading import HOUR_MS, Stream, contract_of, in_time, known, ms, number, predicted, table
from tests.realdata.shown import Claim, Shown, day, heard, told_of
from tests.realdata.truth import Truth

from anchorwatch.runtime.backtest import Told

UNTIL = ms("2012-01-01")
NUMBERS = ("temp", "atemp", "hum", "windspeed")
CATEGORIES = ("hr", "weekday", "holiday", "workingday", "weathersit")


def stream() -> Stream:
    contract, rows = contract_of("bike"), list(table("bike_sharing"))
    train = np.array([ms(row["ts"]) < UNTIL for row in rows])
    columns = [np.array([float(row[name]) for row in rows]) for name in NUMBERS]
    for values in ([f"{row['hr']}/{row['workingday']}" for row in rows], *([row[n] for row in rows] for n in ("season", "weathersit"))):
        columns += one_hot(values, train)
    answers = least_squares(columns, [float(row["cnt"]) for row in rows], train)
    events = []
    for i, (row, answer) in enumerate(zip(rows, answers.tolist(), strict=True)):
        at, features = ms(row["ts"]), {name: number(row[name]) for name in NUMBERS} | {name: row[name] for name in CATEGORIES}
        segments = {name: row[name] for name in ("workingday", "weathersit")}
        events.append(predicted(contract, at, str(i), round(answer, 2), features, segments=segments))
        events.append(known(contract, at + HOUR_MS, str(i), float(row["cnt"])))
    return Stream("bike_sharing", contract, in_time(events), UNTIL, window_ms=3 * HOUR_MS)


def season_pages_not(found: Told) -> Shown:
    """A page is wrong when the error of the two weeks before and after it was within its line, or when it is not about quality."""
    pages, wrong = heard(found, kind="page"), Truth(found).wrong()
    others = [r for r in pages if r.name != "QualityDrop"]
    words = f"{len(pages)} pages in 2012, {len(wrong) + len(others)} of them wrong: {told_of([*wrong, *others])}"
    return Shown(not wrong and not others, f"{words}; {len(heard(found, kind='warning'))} warnings")


def growth(found: Told) -> Shown:
    """The model of 2011 is far too low in 2012: that is no season."""
    truth, pages = Truth(found), heard(found, kind="page", name="QualityDrop")
    early, late = truth.error(UNTIL, UNTIL + 31 * 24 * HOUR_MS), truth.error(ms("2012-08-01"), ms("2012-09-01"))
    words = f"mean error {early:.0f} in January, {late:.0f} in August; " + (f"page {day(pages[0].at_ms)}" if pages else "no page")
    return Shown(bool(pages), words)


CLAIMS = (
    Claim("bike", "season is no page", season_pages_not),
    Claim("bike", "2012 outgrows the model of 2011: a page", growth),
)
