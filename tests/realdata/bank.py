"""Telephone sales of a Portuguese bank through the crisis of 2008. May and June 2008 are the reference."""

import calendar
from collections import Counter

import numpy as np
from tests.realdata.frozen import logistic, one_hot
from tests.realdata.reading import DAY_MS, HOUR_MS, Stream, contract_of, in_time, known, ms, number, predicted, table
from tests.realdata.shown import Claim, Shown, day, heard, told_of
from tests.realdata.truth import Truth

from anchorwatch.runtime.backtest import Told

UNTIL = ms("2008-07-01")
JUMP = "27690"  # the first row of March 2009, when nearly half say yes
NUMBERS = ("age", "campaign", "pdays", "previous", "emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m", "nr.employed")
CATEGORIES = ("job", "marital", "education", "default", "housing", "loan", "contact", "day_of_week", "poutcome")
INDICES = ("euribor3m", "nr.employed")
MONTHS_AFTER, PAGES_AFTER_MAX = 20, 3


def stream() -> Stream:
    """The file knows months alone: rows are spread evenly over theirs, in the order of the file."""
    contract, rows = contract_of("bank"), list(table("bank_marketing"))
    size, place = Counter(row["ym"] for row in rows), Counter[str]()
    train = np.array([row["ym"] in ("2008-05", "2008-06") for row in rows])
    columns = [np.array([float(row[name]) for row in rows]) for name in NUMBERS]
    for name in CATEGORIES:
        columns += one_hot([row[name] for row in rows], train)
    scores = logistic(columns, [row["label"] == "yes" for row in rows], train)
    events = []
    for row, score in zip(rows, scores.tolist(), strict=True):
        year, month = map(int, row["ym"].split("-"))
        days = calendar.monthrange(year, month)[1]
        at = ms(f"{row['ym']}-01") + days * DAY_MS * place[row["ym"]] // size[row["ym"]]
        place[row["ym"]] += 1
        features = {name: number(row[name]) for name in NUMBERS} | {name: row[name] for name in CATEGORIES}
        segments = {name: row[name] for name in ("job", "contact", "education", "poutcome")}
        answer = "yes" if score >= 0.5 else "no"
        events.append(predicted(contract, at, row["seq"], answer, features, segments=segments, score=round(score, 6)))
        events.append(known(contract, at + HOUR_MS // 4, row["seq"], row["label"]))
    return Stream("bank_marketing", contract, in_time(events), UNTIL, window_ms=6 * HOUR_MS)


def yes_rate(found: Told) -> Shown:
    """Nearly half say yes and the model answers no: its error is the yes-rate."""
    begin = next(e.at_ms for e in found.course.events if e.key == JUMP.encode())
    said = [f for f in found.findings if f.name == "QualityDrop" and f.verdict in ("warning", "page") and f.window[1] > begin]
    open_before = [
        r for r in heard(found, kind="page", name="QualityDrop") if r.at_ms <= begin and (r.until_ms is None or r.until_ms > begin)
    ]
    page = next((f for f in said if f.verdict == "page"), None)
    if page is None:
        return Shown(False, f"no page after it; open before: {told_of(open_before)}")
    rows = sum(e.role == "predictions" and begin <= e.at_ms < page.window[1] for e in found.course.events)
    return Shown(rows <= 282, f"page {day(page.window[1])} on {page.segment} after {rows} rows; open before: {told_of(open_before)}")


def inputs_first(found: Told) -> Shown:
    """The first word on either index, against the page on the jump. At first this looked at the first page of all, in July 2008, when .06 said
    yes and neither index had moved."""
    begin = next(e.at_ms for e in found.course.events if e.key == JUMP.encode())
    page = next((r.at_ms for r in heard(found, kind="page", name="QualityDrop") if r.at_ms > begin), None)
    named = {name: next((f.window[1] for f in found.findings if f.subject in (name, f"{name}.range")), None) for name in INDICES}
    words = "; ".join(f"{name} {day(at) if at else 'never'}" for name, at in named.items())
    met = page is not None and all(at is not None and at < page for at in named.values())
    return Shown(met, f"{words}; page on the jump {day(page) if page else 'never'}")


def volume(found: Told) -> Shown:
    first = next((f for f in found.findings if f.name == "VolumeShifted" and f.subject == "amount" and f.direction), None)
    return Shown(first is not None, f"{first.verdict} {day(first.window[1])}: {first.summary}" if first else "nothing")


def not_every_month(found: Told) -> Shown:
    """What is loud from April 2009 on, a month after the jump: fewer pages than months, and most months without one."""
    pages = heard(found, kind="page", since="2009-04-01")
    months = {day(r.at_ms)[:7] for r in pages}
    every = len(heard(found, kind="page"))
    met = len(pages) < MONTHS_AFTER and 2 * len(months) < MONTHS_AFTER
    return Shown(met, f"{len(pages)} pages in {len(months)} of {MONTHS_AFTER} months, {every} in all")


def hardly_any(found: Told) -> Shown:
    """Our own, stricter bound. Week by week the file's error went .15 .16 .09 .17 .25 (April), .06 .06 .09 .13 (May), .35 (June), and January and
    February 2010 have no rows: what pages after an all-clear, or a day of health, is another change of the world."""
    pages = heard(found, kind="page", since="2009-04-01")
    words = f"{len(pages)} pages: " + "; ".join(f"{day(r.at_ms)[:10]} {r.name} on {r.segment}" for r in pages)
    return Shown(len(pages) <= PAGES_AFTER_MAX, words + f"; wrong by the file: {len(Truth(found).wrong())} of all")


CLAIMS = (
    Claim("bank", "yes-rate .05 -> .45 at row 27,690: a page within its month (282 rows)", yes_rate),
    Claim("bank", "inputs euribor3m and nr.employed are named first", inputs_first),
    Claim("bank", "volume falls to a twentieth", volume),
    Claim("bank", "not one page a month afterwards", not_every_month),
    Claim("bank", "3 pages in the 20 months afterwards at most", hardly_any),
)
