"""What our own topics hold of a person: searched for, byte by byte, after both stages have seen events whose ids and private values are marked."""

import json

import numpy as np
import pytest
from tests.stages.lives import ManyLives
from tests.traffic import LOAN, T0, Fault, contract_of, edited, learnt, loan_applied, rows_of, traffic

from anchorwatch.runtime import formats
from anchorwatch.runtime.drive import Clockwork, Event
from anchorwatch.sources.base import Refused
from anchorwatch.stages.columns import Maker
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

MARK = "Wilhelmine"
PRIVATE = LOAN.replace("job: {type: category}", "job: {type: category, private: true}").replace(
    "amount: {type: number}", "amount: {type: number, private: true}"
)


def marked(event: Event, n: int) -> Event:
    """Ids, one private category and one private number that became text carry the mark."""
    record = json.loads(event.value)
    record["prediction_id"] = MARK + record["prediction_id"]
    if "features" in record:
        record["features"] |= {"job": f"{MARK}'s trade"} | ({"amount": f"{MARK} {n}"} if n % 3 == 0 else {})
    return event._replace(key=record["prediction_id"].encode(), value=json.dumps(record).encode())


@pytest.fixture(scope="module")
def lived() -> ManyLives:
    drive = ManyLives([loan_applied(PRIVATE)], Clockwork(window_ms=1_000, lateness_ms=500, summary_ms=1_000))
    events = [marked(event, n) for n, event in enumerate(traffic(1_500, start_ms=T0, fault=Fault(wrong={"af": 0.6})))]
    for at in range(0, len(events), 300):
        drive.feed(events[at : at + 300])
    return drive


def test_state_holds_neither_ids_nor_values_of_private_features(lived: ManyLives) -> None:
    """Ids are kept as 64-bit hashes, values as bins and counts."""
    chunks = [*lived.chunks[0].values(), *lived.judge_chunks.values()]

    assert sum(map(len, chunks)) > 10_000
    assert not [chunk for chunk in chunks if MARK.encode() in chunk]


def test_what_the_stages_write_holds_neither(lived: ManyLives) -> None:
    """`observations`, `findings` and the alerts; that the values are strange is told all the same."""
    written = [*lived.sent, *lived.written]

    assert {finding.name for finding in lived.heard.findings} >= {"InputRetyped"}
    assert not [record for record in written if MARK.encode() in (record.value or b"") + (record.key or b"")]


@pytest.mark.parametrize(("verbatim", "held"), [(True, [True, True]), (False, [True, False])])
def test_a_dead_letter_holds_its_key_and_unless_told_otherwise_its_value(verbatim: bool, held: list[bool]) -> None:
    row = (MARK.encode(), MARK.encode(), 7, T0)
    letter = formats.native(verbatim=verbatim).dead_letter(row, "p", 0, Refused(0, "malformed", "$", "no JSON", ""), "dead")

    assert [MARK.encode() in (part or b"") for part in (letter.key, letter.value)] == held


def test_a_reference_holds_no_value_of_a_private_feature_and_still_knows_them_again() -> None:
    """`apply` and learning write it to `contracts`: digests of categories, edges of numbers to three digits, no smallest and largest value."""
    contract = contract_of(PRIVATE)
    trades = [f"{MARK}'s {name}" for name in ("bakery", "forge", "mill")]
    events = edited(
        traffic(1_500, start_ms=T0),
        lambda record: record | {"features": record["features"] | {"job": trades[len(record["prediction_id"]) % 3]}},
    )
    reference = learnt(contract, events)
    told = json.dumps(reference_to_json(reference))
    rows, places = rows_of(contract, events)

    codes = Maker(Layout(contract, reference, catalogue()), dict(places)).columns(
        rows.predictions, rows.latency_ms, np.full(1_500, np.nan), rows.at
    ).codes["job"]  # fmt: skip

    assert MARK not in told
    assert set(codes.tolist()) == set(range(len(reference.values["job"])))
    assert [name for name in reference.limits if not name.startswith("$")] == ["age"]
    assert all(float(f"{edge:.3g}") == edge for edge in reference.edges["amount"])
