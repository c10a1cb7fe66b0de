"""Departures from Houston in 2011: will this flight be cancelled? January is the reference, the ice storm comes on 1 February."""

from collections import Counter

from tests.realdata.reading import Stream, contract_of, in_time, known, ms, number, predicted, table

UNTIL = ms("2011-02-01")


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
        events.append(known(contract, ms(row["label_at"]), row["flight_id"], label))
    return Stream("flights_houston_2011", contract, in_time(events), UNTIL)
