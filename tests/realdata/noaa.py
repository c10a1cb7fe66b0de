"""Half a century of daily weather at Offutt Air Force Base: rain or none. The first five years are the reference."""

import numpy as np
from tests.realdata.frozen import logistic
from tests.realdata.reading import DAY_MS, Stream, contract_of, in_time, known, ms, number, predicted, table
from tests.realdata.shown import Claim, Shown, heard, told_of
from tests.realdata.truth import Truth

from anchorwatch.runtime.backtest import Told

BEGIN = ms("2000-01-01")  # the file holds no dates; it was 1949
REFERENCE_DAYS = 5 * 365
FEATURES = tuple(f"feat_{i}" for i in range(1, 9))


def stream() -> Stream:
    contract, rows = contract_of("noaa"), list(table("noaa_weather"))
    train = np.arange(len(rows)) < REFERENCE_DAYS
    scores = logistic([np.array([float(row[name]) for row in rows]) for name in FEATURES], [row["label"] == "1" for row in rows], train)
    events = []
    for i, (row, score) in enumerate(zip(rows, scores.tolist(), strict=True)):
        at = BEGIN + i * DAY_MS
        answer = "1" if score >= 0.5 else "0"
        events.append(predicted(contract, at, row["seq"], answer, {name: number(row[name]) for name in FEATURES}, score=round(score, 6)))
        events.append(known(contract, at + DAY_MS // 2, row["seq"], row["label"]))
    return Stream("noaa_weather", contract, in_time(events), BEGIN + REFERENCE_DAYS * DAY_MS, window_ms=7 * DAY_MS)


def season_pages_not(found: Told) -> Shown:
    """A page is wrong when the error of the two weeks before and after it was within its line, or when it is not about quality."""
    pages, wrong = heard(found, kind="page"), Truth(found).wrong()
    others = [r for r in pages if r.name != "QualityDrop"]
    words = f"{len(pages)} pages in 45 years, {len(wrong) + len(others)} of them wrong: {told_of([*wrong, *others])}"
    return Shown(not wrong and not others, f"{words}; {len(heard(found, kind='warning'))} warnings")


CLAIMS = (Claim("noaa", "season is no page", season_pages_not),)
