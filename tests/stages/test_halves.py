"""Events whose two records are written apart, and of which one never comes: given up by the task's clock on a topic that falls silent."""

import json
from typing import Any

import pytest
from tests.stages.test_ingest import DECODER, stage
from tests.traffic import LOAN, T0

from anchorwatch.events import Observation, Row, headed
from anchorwatch.runtime import formats
from anchorwatch.stages.ingest import Ingest

KSERVE = LOAN.replace(
    "source: {flags: [loan-on]}",
    "source: {pair_within: 5s, predictions: {format: kserve, feature_names: [amount, age], threshold: 0.5}}",
)
BOTH = frozenset(("predictions", "outcomes"))


def half(side: str, name: str, at_ms: int, payload: Any) -> Row:
    about = {"specversion": "1.0", "id": name, "type": f"org.kubeflow.serving.inference.{side}"}
    return headed((None, json.dumps(payload).encode(), 0, at_ms), [(f"ce_{key}", text.encode()) for key, text in about.items()])


def request(name: str, at_ms: int = T0) -> Row:
    return half("request", name, at_ms, {"instances": [[5, 30]]})


def response(name: str, at_ms: int) -> Row:
    return half("response", name, at_ms, {"predictions": [0.9]})


def beat(at_ms: int) -> Row:
    return (None, b'{"heartbeat_at_ms": %d}' % at_ms, 1, at_ms)


def cut(ingest: Ingest, chunks: dict[bytes, bytes]) -> list[Observation]:
    frozen = ingest.freeze({})
    chunks.update({key: value for key, value in frozen.chunks.items() if value is not None})
    return [DECODER.decode(record.value or b"") for record in frozen.records if record.topic == "observations"]


def counted(found: list[Observation]) -> dict[str, int]:
    """What was noted of loan, and in which second its newest prediction lies."""
    told: dict[str, int] = {}
    for observation in found:
        for name, n in observation.tallies.get("prod/loan", {}).items():
            told[name] = told.get(name, 0) + n
        for block in (each for each in observation.blocks if each.last_ms >= 0):
            told[f"at {(block.last_ms - T0) / 1000:g} s"] = observation.window[0] - T0
    return told


def test_a_request_is_given_up_when_its_topic_is_at_its_end_and_the_time_is_over() -> None:
    """Failed at 5.0 s, and in time for its window: that closes behind it."""
    ingest, chunks = stage(wall=True, text=KSERVE), dict[bytes, bytes]()
    ingest.take("predictions", [request("a")], T0)
    for now_ms in range(T0, T0 + 8_001, 100):
        ingest.tick(now_ms, BOTH)

    told = counted(cut(ingest, chunks))

    assert told["note.request_alone"] == 1
    assert told["at 5 s"] == 5_000
    assert "outcome.late" not in told
    assert ingest.waiting_halves() == {}


@pytest.mark.parametrize("ended", [frozenset[str](), frozenset(("outcomes",))])
def test_it_waits_while_more_is_there_to_be_read(ended: frozenset[str]) -> None:
    ingest = stage(wall=True, text=KSERVE)
    ingest.take("predictions", [request("a")], T0)
    ingest.tick(T0 + 60_000, ended)
    assert len(ingest.waiting_halves()["predictions"]) == 1

    ingest.take("predictions", [response("a", T0 + 1_000)], T0 + 60_000)
    assert ingest.waiting_halves() == {}
    assert ingest.intake.report.counters["anchorwatch.predictions", (("environment", "prod"), ("model", "loan"))] == 1


def test_a_response_alone_is_given_up_as_well_and_counted() -> None:
    ingest = stage(wall=True, text=KSERVE)
    ingest.take("predictions", [response("a", T0)], T0)
    ingest.tick(T0 + 9_000, BOTH)

    assert counted(cut(ingest, {})) == {"note.response_alone": 1}


def test_what_a_life_left_waiting_is_given_up_by_the_next_without_a_record() -> None:
    first, chunks = stage(wall=True, text=KSERVE), dict[bytes, bytes]()
    first.take("predictions", [request("a")], T0)
    first.tick(T0 + 2_000, BOTH)
    cut(first, chunks)
    second = Ingest(0, 1, first.registry, formats.native(), first.settings, chunks)
    for now_ms in (T0 + 3_600_000, T0 + 3_601_000):
        second.tick(now_ms, BOTH)

    told = counted(cut(second, chunks))

    assert (told["note.request_alone"], told["at 5 s"]) == (1, 5_000)


def test_under_the_clock_of_events_a_heartbeat_gives_up_and_the_wall_does_not() -> None:
    ingest = stage(text=KSERVE)
    ingest.take("predictions", [request("a")], T0)
    ingest.tick(T0 + 60_000, BOTH)
    assert len(ingest.waiting_halves()["predictions"]) == 1

    ingest.take("predictions", [beat(T0 + 9_000)], T0)
    ingest.take("outcomes", [beat(T0 + 9_000)], T0)
    ingest.tick(T0, frozenset())

    told = counted(cut(ingest, {}))
    assert (told["note.request_alone"], told["at 5 s"]) == (1, 5_000)


@pytest.mark.parametrize("cuts", [(), (1,), (1, 2), (1, 2, 3)])
def test_under_the_clock_of_events_batches_do_not_matter(cuts: tuple[int, ...]) -> None:
    rows = [request("a"), request("b", T0 + 2_500), beat(T0 + 5_500), response("b", T0 + 6_600), beat(T0 + 20_000)]
    ingest = stage(text=KSERVE)
    for begin, end in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        ingest.take("predictions", rows[begin:end], T0)
        ingest.tick(T0 + 60_000, frozenset())
    ingest.take("outcomes", [beat(T0 + 20_000)], T0)
    ingest.tick(T0, frozenset())

    assert counted(cut(ingest, {})) == {"note.request_alone": 1, "matured": 1, "at 5 s": 5_000, "at 6.6 s": 6_000}
