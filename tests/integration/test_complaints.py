"""Complaints through the whole product: stages are killed while they come in, each is joined once, and the rise is a warning with an owner."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.complaining import Mood, complained
from tests.integration.ground import PATIENT, Ground, killed_in_turn, until
from tests.integration.stream import Stream, Truth
from tests.integration.totals import DECODER, broken, cells, exact, expected, observed

from anchorwatch.runtime.drive import Event

PROMISED = PATIENT.replace("promises: {", "promises: {impact: {complaints_at_most: 0.05, complaints_within: 2s}, ")
ANGRY = Mood(share=0.2)


class Heard(Truth):
    """And who complained, per segment; each fifth complaint comes twice."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints, self.of = Counter[str](), dict[str, list[str]]()

    def learn(self, event: Event) -> None:
        if event.role == "complaints":
            self.complaints.update(self.of.pop(event.key.decode()))
            return
        super().learn(event)
        if event.role == "predictions":
            self.of[event.key.decode()] = self.answers[event.key.decode()][1]


class Complaining(Stream):
    def __init__(self, kafka: Mapping[str, Any], prefix: str, rate: int) -> None:
        self.heard, self.doubles = Heard(), 0
        super().__init__(kafka, prefix, rate)

    def run(self) -> None:
        self.truth = self.heard
        super().run()

    def _plan(self, events: Iterable[Event]) -> None:
        super()._plan(complained(events, ANGRY, seed=self._n))

    def _produce(self, producer: Any, topic: str, key: bytes, value: bytes | None) -> None:
        super()._produce(producer, topic, key, value)
        if topic == "complaints" and self.heard.complaints["whole"] % 5 == 0:
            super()._produce(producer, topic, key, value)
            self.doubles += 1


def counted(there: Ground) -> dict[str, int]:
    """Segment -> predictions with a complaint, of all blocks."""
    found = Counter[str]()
    for told in there.told("observations"):
        for block in DECODER.decode(told.value or b"").blocks:
            for key, counts in block.counts.items():
                if key.partition("~")[0] == "complaints.kind":
                    for row, symbol, n in cells(counts):
                        found[block.segments[row]] += n if symbol else 0
    return dict(+found)


def test_kills_cost_no_complaint_and_double_none_and_the_rise_is_told(ground: Callable[..., Ground]) -> None:
    there, rng = ground().prepare(PROMISED), random.Random(1)
    with there.run() as running:
        running.wait_ready()
        stream = Complaining(there.kafka, there.prefix, rate=300)
        for _ in range(2):
            killed_in_turn(running, rng)
        fed = stream.end()
        found = exact(there, fed)
        truth = dict(stream.heard.complaints)
        until(lambda: counted(there) == truth, what=lambda: f"{counted(there)} of {truth}")

    tallies = observed(there)[1]
    warned = [alert for alert in there.told_json("alerts.events") if alert["labels"]["alertname"] == "OutputComplained"]
    assert found == expected(fed), running.words[-4_000:]
    assert (tallies["complaint.joined"], tallies["complaint.duplicate"]) == (truth["whole"], stream.doubles)
    assert broken(there) == {}
    assert {alert["labels"]["severity"] for alert in warned} == {"warning"}
    assert warned[0]["labels"]["segment"] == "whole"
    assert warned[0]["annotations"]["summary"].endswith("draw a complaint; at most 5 % should.")
    assert warned[0]["owner"]["team"] == "group:default/risk"
