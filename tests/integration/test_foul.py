"""Poison, oversize, unknown formats, tombstones and aborted transactions among good events: none of the good ones is lost, the rest is told."""

from collections import Counter
from collections.abc import Callable

from tests.integration.ground import Ground, until
from tests.integration.stream import POISON, Stream
from tests.integration.totals import exact, expected

from anchorwatch.sources.base import DEAD_VALUE_MAX

ROUNDS = 5  # of every kind of poison
NEEDED = (
    "__streams.errors.topic",
    "__streams.errors.partition",
    "__streams.errors.offset",
    "anchorwatch.errors.path",
    "anchorwatch.errors.fix",
)


def test_good_events_pass_and_refused_ones_are_dead_letters_that_lead_back(ground: Callable[..., Ground]) -> None:
    there = ground().prepare()
    with there.run() as running:
        running.wait_ready()
        stream = Stream(there.kafka, there.prefix, rate=400, foul=True)
        until(lambda: stream.poison.total() >= ROUNDS * len(POISON), what=lambda: running.words)
        found = exact(there, fed := stream.end())
        letters = until(lambda: len(told := there.told("dead-letters")) >= stream.poison.total() and told, what=lambda: running.words)
        restarts = [stage["restarts"] for stage in running.ready()["stages"]]
        fed_raw = {(told.topic, told.partition, told.offset): told.value for told in there.told("predictions")}

    assert found == expected(fed)
    assert restarts == [0, 0]
    headers = [{name: value.decode() for name, value in letter.headers} for letter in letters]
    assert Counter(header["anchorwatch.errors.kind"] for header in headers) == stream.poison
    assert all(header[name] for header in headers for name in NEEDED)
    for letter, header in zip(letters, headers, strict=True):
        raw = fed_raw[header[NEEDED[0]], int(header[NEEDED[1]]), int(header[NEEDED[2]])] or b""
        assert letter.value == raw[:DEAD_VALUE_MAX]
        assert header.get("anchorwatch.errors.value_bytes", "0") == (str(len(raw)) if len(raw) > DEAD_VALUE_MAX else "0")
    assert max(len(value or b"") for value in fed_raw.values()) > 2_000_000
