"""Electricity of New South Wales, half-hourly: a model of the first 8,760 rows, frozen; the twelve weeks after them are the reference."""

import numpy as np
from tests.realdata.frozen import logistic, one_hot
from tests.realdata.reading import DAY_MS, HOUR_MS, Stream, contract_of, in_time, known, ms, number, predicted, table
from tests.realdata.shown import Claim, Shown, day, heard, told_of
from tests.realdata.truth import Truth

from anchorwatch.runtime.backtest import Told

TRAINED = 8_760  # rows
UNTIL = ms("1996-11-05T12:00") + 84 * DAY_MS
ALIVE = ms("1997-05-05T00:00")  # row 17,424, when Victoria joins the market
NUMBERS = ("period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
STUCK = ("vicprice", "vicdemand", "transfer")


def stream() -> Stream:
    contract, rows = contract_of("elec2"), list(table("elec2"))
    train = np.arange(len(rows)) < TRAINED
    columns = [np.array([float(row[name]) for row in rows]) for name in NUMBERS] + one_hot([row["day"] for row in rows], train)
    scores = logistic(columns, [row["label"] == "UP" for row in rows], train)
    events = []
    for i, (row, score) in enumerate(zip(rows, scores.tolist(), strict=True)):
        if i < TRAINED:
            continue
        at, features = ms(row["ts"]), {name: number(row[name]) for name in NUMBERS} | {"day": row["day"]}
        events.append(predicted(contract, at, str(i), "UP" if score >= 0.5 else "DOWN", features, score=round(score, 6)))
        events.append(known(contract, at + HOUR_MS // 2, str(i), row["label"]))
    return Stream("elec2", contract, in_time(events), UNTIL, window_ms=3 * HOUR_MS)


def come_alive(found: Told) -> Shown:
    first = {}
    for name in STUCK:
        said = [f for f in found.findings if f.subject.partition(".")[0] == name and f.verdict != "quiet" and f.window[1] > ALIVE]
        first[name] = min((f.window[1] for f in said), default=0)
    words = ", ".join(f"{name} {f'{(at - ALIVE) / HOUR_MS:.0f} h later' if at else 'never'}" for name, at in first.items())
    return Shown(all(0 < at <= ALIVE + 2 * DAY_MS for at in first.values()), words)


def before_that(found: Told) -> Shown:
    """Nothing was to be said of the three while they stood still."""
    said = [f for f in found.findings if f.subject.partition(".")[0] in STUCK and f.window[1] <= ALIVE]
    return Shown(not said, f"{len(said)} findings on the three while they stood still")


def got_worse(found: Told) -> Shown:
    """Our model's own error, month by month: whether the fall of the field's model shows in ours."""
    truth = Truth(found)
    months = [(truth.error(at, at + 30 * DAY_MS) or 0.0, at) for at in range(UNTIL, ms("1998-11-06"), 30 * DAY_MS)]
    (worst, at), before = max(months), 1 - months[0][0]
    pages = [r for r in heard(found, kind="page", name="QualityDrop") if r.until_ms is None or r.until_ms > at]
    words = f"right in {before:.2f} of the first month, {1 - worst:.2f} of that from {day(at)}; pages that stand then: {told_of(pages)}"
    return Shown(bool(pages), words)


def only_true_pages(found: Told) -> Shown:
    """A page is wrong when the error of the two weeks before and after it was within its line."""
    pages, wrong = heard(found, kind="page"), Truth(found).wrong()
    phi = (found.course.reference or {})["phi"].get("quality:error@late/whole", 1.0)
    phi = max(phi) if isinstance(phi, list | tuple) else phi
    return Shown(not wrong, f"phi {phi:.1f}; {len(pages)} pages, {len(wrong)} of them wrong: {told_of(wrong)}")


CLAIMS = (
    Claim("elec2", "row 17,424: vicprice, vicdemand, transfer come alive, heard within two days", come_alive),
    Claim("elec2", "nothing on them before", before_that),
    Claim("elec2", "the frozen model gets worse: a page", got_worse),
    Claim("elec2", "autocorrelation makes phi, not false pages", only_true_pages),
)
