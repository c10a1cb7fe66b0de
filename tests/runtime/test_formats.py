import pytest
from tests.traffic import T0, flag, outcome, prediction

from anchorwatch.events import Role, Row
from anchorwatch.runtime import formats

ROWS: dict[Role, tuple[bytes, bytes]] = {
    "predictions": prediction(T0, prediction_id="p", model="loan", prediction="yes", features={"age": 1})[2:],
    "outcomes": outcome(T0, prediction_id="p", model="loan", label="yes")[2:],
    "decisions": (b"p", b'{"prediction_id": "p", "model": "loan", "action": "decline"}'),
    "complaints": (b"p", b'{"prediction_id": "p", "model": "loan", "kind": "churn"}'),
    "flags": flag(T0, "off")[2:],
}


@pytest.mark.parametrize("role", sorted(ROWS))
def test_each_role_has_a_decoder(role: Role) -> None:
    key, value = ROWS[role]

    decoded = formats.native().make(role, [("loan", {"age": "number"})], "loan").decode([(key, value, 0, T0)])

    assert (len(decoded.records), decoded.refused) == (1, [])


def test_a_dead_letter_keeps_its_value_only_where_that_is_wished() -> None:
    row: Row = (b"p", b"{", 5, T0)
    [refused] = formats.make("predictions", [], None).decode([row]).refused

    kept = [formats.native(verbatim=wish).dead_letter(row, "predictions", 3, refused, "dead-letters").value for wish in (True, False)]

    assert kept == [b"{", None]


def test_a_record_read_as_a_map_has_the_names_that_it_came_with() -> None:
    assert formats.native().as_map(b'{"features": {"A b": 1}}') == {"features": {"A b": 1}}
