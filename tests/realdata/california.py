"""NannyML's California housing: their model's scores, hours invented, ordered by place. Their own split is the reference."""

from tests.realdata.reading import HOUR_MS, Stream, contract_of, in_time, known, ms, number, predicted, table

FEATURES = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")


def stream() -> Stream:
    """The file does not say when truth became known: an hour later here."""
    contract = contract_of("california")
    events, until = [], 0
    for row in table("nannyml_california"):
        at, features = ms(row["ts"]), {name: number(row[name]) for name in FEATURES}
        if row["split"] == "reference":
            until = at + 1
        events.append(predicted(contract, at, row["id"], row["y_pred"], features, score=number(row["y_pred_proba"])))
        events.append(known(contract, at + HOUR_MS, row["id"], row["label"]))
    return Stream("nannyml_california", contract, in_time(events), until)
