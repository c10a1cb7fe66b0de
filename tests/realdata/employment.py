"""Employment in Massachusetts with NannyML's frozen model: four years that behave alike. 2015 is the reference."""

import numpy as np
from tests.realdata.reading import HOUR_MS, Stream, contract_of, in_time, known, ms, number, predicted, table

FEATURES = ("AGEP", "SCHL", "MAR", "RELP", "DIS", "ESP", "CIT", "MIG", "MIL", "ANC", "NATIVITY", "DEAR", "DEYE", "DREM", "SEX", "RAC1P")
NUMBERS = {"AGEP", "SCHL"}  # the others are codes
UNTIL = ms("2016-01-01")


def stream(*, shuffled: bool, window_ms: int = 6 * HOUR_MS) -> Stream:
    """No time inside a year: rows are spread evenly over it, in the order of the file, or shuffled inside each year."""
    contract = contract_of("employment")
    years: dict[str, list[dict[str, str]]] = {}
    for row in table("employment_ma"):
        years.setdefault(row["year"], []).append(row)
    order = np.random.default_rng(20)
    events = []
    for year, rows in years.items():
        begin, end = ms(f"{year}-01-01"), ms(f"{int(year) + 1}-01-01")
        places = order.permutation(len(rows)).tolist() if shuffled else range(len(rows))
        for i, place in enumerate(places):
            row, at = rows[place], begin + (end - begin) * i // len(rows)
            features = {name: number(row[name]) if name in NUMBERS else row[name] for name in FEATURES}
            segments = {name: row[name] for name in ("SEX", "RAC1P", "MAR", "CIT", "DIS")}
            answer, score = row["prediction"], number(row["predicted_probability"])
            events.append(predicted(contract, at, row["id"], answer, features, segments=segments, score=score))
            events.append(known(contract, at + HOUR_MS, row["id"], row["label"]))
    return Stream("employment_ma", contract, in_time(events), UNTIL, window_ms=window_ms)
