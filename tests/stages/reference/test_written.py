import json

import pytest
from tests.traffic import loan_reference

from anchorwatch.errors import ContractError
from anchorwatch.stages.reference.written import reference_from_json, reference_to_json


def test_a_reference_survives_json_unchanged() -> None:
    reference = loan_reference()

    found = reference_from_json(json.loads(json.dumps(reference_to_json(reference), allow_nan=False)))

    assert {k: v.tolist() for k, v in found.counts.items()} == {k: v.tolist() for k, v in reference.counts.items()}
    assert {**vars(found), "counts": 0} == {**vars(reference), "counts": 0}


def test_what_is_no_reference_is_refused_with_what_to_do() -> None:
    broken = reference_to_json(loan_reference()) | {"counts": {"answer": [[1, 2], 1, "not base64"]}}

    with pytest.raises(ContractError, match="make it anew"):
        reference_from_json(broken)


def test_a_reference_written_before_the_pace_was_known_is_read() -> None:
    older = reference_to_json(loan_reference())
    del older["pace"]

    assert reference_from_json(older).pace == {}
