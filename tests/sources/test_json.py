import json
from typing import Any

from tests.contract.examples import SMALL

from anchorwatch.contract import parse
from anchorwatch.sources.foreign import Opened, of_contracts
from anchorwatch.sources.native import Predictions


def opened(fields: str, document: dict[str, Any]) -> Opened:
    contract = parse(f"{SMALL}source: {{predictions: {{format: json, fields: {fields}}}}}", "f.yaml")
    translator = of_contracts("predictions", [contract])
    assert translator is not None
    return translator.open([(b"k-1", json.dumps(document).encode(), 0, 1)])


def test_what_is_not_named_is_not_read_even_where_it_has_a_name_of_ours() -> None:
    """Their `status` is no HTTP code, their `arm` none of ours: read as ours the event would be refused."""
    (row,) = opened("{prediction: verdict}", {"verdict": "block", "status": "APPROVED", "arm": "treatment", "propensity": 7}).rows

    assert json.loads(row[1] or b"") == {"prediction": "block", "model": "fraud", "environment": "prod"}


def test_the_key_of_the_record_is_the_id_where_no_field_is_named() -> None:
    found = opened("{prediction: verdict}", {"verdict": "block"})

    assert Predictions((), "fraud").decode(found.rows).records[0].prediction_id == "k-1"
