"""Bookings of two Portuguese hotels: will this one be cancelled? Truth comes 0 to 737 days later."""

import numpy as np
from numpy.typing import NDArray
from tests.realdata.frozen import logistic, one_hot
from tests.realdata.reading import DAY_MS, Stream, contract_of, in_time, known, ms, number, predicted, table

from anchorwatch.runtime.drive import Event

SINCE, UNTIL = ms("2015-07-01"), ms("2016-07-01")  # sampled by arrival: bookings before July 2015 are a biased rest
NUMBERS = ("lead_time", "stays_in_weekend_nights", "stays_in_week_nights", "adults", "previous_cancellations")
CATEGORIES = ("hotel", "market_segment", "distribution_channel", "customer_type", "deposit_type", "meal")


def stream() -> Stream:
    """A logistic model of what is known at booking time, trained on the bookings of the reference, then frozen."""
    contract = contract_of("hotel")
    rows = [row for row in table("hotel_bookings") if ms(row["booked_at"]) >= SINCE]
    scores = _scores(rows, np.array([ms(row["booked_at"]) < UNTIL for row in rows]))
    events: list[Event] = []
    before, place = 0, 0
    for row, score in zip(rows, scores.tolist(), strict=True):
        day = ms(row["booked_at"])
        place = place + 1 if day == before else 0
        before, at = day, day + place * (DAY_MS // 2_000)  # days have no hours: spread in the order of the file
        features = {name: number(row[name]) for name in NUMBERS} | {name: row[name] for name in CATEGORIES}
        segments = {name: row[name] for name in ("hotel", "market_segment", "customer_type")}
        answer = "cancelled" if score >= 0.5 else "kept"
        events.append(predicted(contract, at, row["booking_id"], answer, features, segments=segments, score=round(score, 6)))
        label = "cancelled" if row["label"] == "1" else "kept"
        events.append(known(contract, max(ms(row["label_at"]), at), row["booking_id"], label))
    return Stream("hotel_bookings", contract, in_time(events), UNTIL)


def _scores(rows: list[dict[str, str]], train: NDArray[np.bool_]) -> NDArray[np.float64]:
    columns = [np.log1p(np.maximum(np.array([float(row[name] or 0) for row in rows]), 0)) for name in NUMBERS]
    for name in CATEGORIES:
        columns += one_hot([row[name] for row in rows], train)
    return logistic(columns, [float(row["label"]) for row in rows], train)
