"""Departures from Houston in 2011: will this flight be cancelled? January is the reference, the ice storm comes on 1 February."""

from collections import Counter

import numpy as np
from tests.realdata.reading import HOUR_MS, Stream, contract_of, in_time, known, ms, number, predicted, table
from tests.realdata.shown import Shown, heard, told_of
from tests.realdata.truth import Truth

from anchorwatch.runtime.backtest import Told

UNTIL = ms("2011-02-01")
LATE_MS = HOUR_MS  # of the contract: a flight is judged so long after its departure
HALF_DAY_MS, MINUTE_MS = 12 * HOUR_MS, 60_000


def stream() -> Stream:
    """A frozen rule: nobody is cancelled; the score is the carrier's share of cancelled flights in January."""
    contract, rows = contract_of("flights"), list(table("flights_houston_2011"))
    january = [row for row in rows if ms(row["sched_dep"]) < UNTIL]
    flown = Counter(row["UniqueCarrier"] for row in january)
    cancelled = Counter(row["UniqueCarrier"] for row in january if row["Cancelled"] == "1")
    events = []
    for row in rows:
        carrier = row["UniqueCarrier"]
        features = {"Distance": number(row["Distance"]), "DayOfWeek": row["DayOfWeek"], "Dest": row["Dest"]}
        segments = {"Origin": row["Origin"], "UniqueCarrier": carrier}
        score = round((cancelled[carrier] + 0.5) / (flown[carrier] + 50), 6)
        events.append(predicted(contract, ms(row["sched_dep"]), row["flight_id"], "flown", features, segments=segments, score=score))
        label = "cancelled" if row["Cancelled"] == "1" else "flown"
        events.append(known(contract, _known_ms(row), row["flight_id"], label))
    return Stream("flights_houston_2011", contract, in_time(events), UNTIL)


def _known_ms(row: dict[str, str]) -> int:
    """Who has left the gate was not cancelled: the file's `label_at` is the arrival, which answers whether a flight is late, asked by nobody here."""
    if row["Cancelled"] == "1":
        return ms(row["label_at"])
    return ms(row["sched_dep"]) + max(int(float(row["DepDelay"])), 0) * MINUTE_MS


def true_pages(found: Told) -> Shown:
    """Of the flights that a page is about, half a day at least: were more cancelled, their labels later, their scores in worse order than the line?

    Labels come at departure: an evening of storms makes them later than an hour, and all are in after 12. `late: 1h` in the contract pages then.
    """
    truth, pages = Truth(found), heard(found, kind="page")
    lines = {(f.name, f.subject, f.segment): f.line or 0.0 for f in found.findings}
    wrong, later = [], []
    for page in pages:
        begin, end = min(page.since_ms, page.at_ms - HALF_DAY_MS) - LATE_MS, page.at_ms - LATE_MS
        mine, line = truth.inside(begin, end, page.segment), lines.get((page.name, page.subject, page.segment), 0.0)
        if page.subject.startswith("auc@"):
            if (truth.disorder(begin, end, page.segment) or 0.0) <= 1 - line:
                wrong.append(page)
            continue
        bad = truth.delay[mine] > LATE_MS if page.name == "LabelsLate" else truth.size[mine] > 0
        if not mine.any() or bad.mean() <= line:
            wrong.append(page)
        if page.name == "LabelsLate":
            later.append(float(np.mean(truth.delay[mine] > HALF_DAY_MS)))
    order = sum(page.subject.startswith("auc@") for page in pages)
    words = f"{len(pages) - len(wrong)} of {len(pages)} are true: {len(pages) - len(later) - order} on cancelled flights, {order} on the order of "
    words += f"scores, {len(later)} on labels later than an hour, of which at most {max(later, default=0):.3f} come after 12 h"
    return Shown(not wrong, words + (f"; wrong: {told_of(wrong)}" if wrong else ""))
