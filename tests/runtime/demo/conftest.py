"""The demo's four acts, played in-process: the same customers, faults and stages, without Kafka and clocks. Once a session, 6 s."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec
import pytest

from anchorwatch import contract
from anchorwatch.events import Alert, Applied, Outcome, Prediction, Summary
from anchorwatch.runtime import formats
from anchorwatch.runtime.demo.acts import CONCEPT, RENAMED, SLOW
from anchorwatch.runtime.demo.loans import CONTRACT, MODEL, Frozen, applications
from anchorwatch.runtime.demo.traffic import Faults, asked
from anchorwatch.runtime.drive import Clockwork, Drive, Event, Heard, applied_of
from anchorwatch.sources.native import as_map
from anchorwatch.stages.reference import Rows, learn, reference_to_json

T0 = 1_800_000_000_000
RATE = 600
SCENES = (  # seconds, and what is wrong then
    (8.7, 11.2, Faults(renamed=RENAMED)),
    (16.3, 18.6, Faults(slow=SLOW)),
    (25.1, 36.0, Faults(concept=CONCEPT)),
)
SECONDS = 42


@dataclass
class Evening:
    """What was said, and when each act began (ms)."""

    alerts: list[Alert]
    summaries: list[Summary]
    began: list[int]


def events(model: Frozen, seed: int, from_ms: int, n: int, scenes: Sequence[tuple[float, float, Faults]]) -> Iterator[Event]:
    """Predictions and outcomes in the order of their time."""
    later: list[tuple[int, int, Event]] = []
    for i, customer in enumerate(islice(applications(seed), n)):
        at, seconds = from_ms + i * 1000 // RATE, i / RATE
        while later and later[0][0] <= at:
            yield heapq.heappop(later)[2]
        ask = asked(customer, next((faults for begin, end, faults in scenes if begin <= seconds < end), Faults()))
        answer, score = model.answer(ask.features)
        name = f"{seed}-{i}"
        said = Prediction(
            name, MODEL, answer, score=score, features=ask.features, segments=dict(customer.segments), latency_ms=ask.latency_ms,
            predicted_at_ms=at,
        )  # fmt: skip
        known = at + int(1000 * customer.label_after_s)
        truth = msgspec.json.encode(Outcome(name, MODEL, ask.right, known_at_ms=known))
        heapq.heappush(later, (known, i, Event("outcomes", known, name.encode(), truth)))
        yield Event("predictions", at, name.encode(), msgspec.json.encode(said))
    while later:
        yield heapq.heappop(later)[2]


def applied(model: Frozen) -> Applied:
    """The demo's contract with a reference of its quiet time."""
    terms = contract.parse(CONTRACT, "loan.yaml")
    rows = list(events(model, 11, T0 - 3_600_000, 12_000, ()))
    features = {name: feature.type for name, feature in terms.features.items()}
    decoded = {}
    for role in ("predictions", "outcomes"):
        raw = [(row.key, row.value, i, row.at_ms) for i, row in enumerate(rows) if row.role == role]
        decoded[role] = formats.make(role, [(terms.model, features)], terms.model).decode(raw)
    said, truth = decoded["predictions"], decoded["outcomes"]
    raws = [row.value for row in rows if row.role == "predictions"]
    known = Rows(said.records, said.at_ms, said.latency_ms, raws, truth.records, truth.at_ms)
    return applied_of(terms, reference_to_json(learn(terms, known, as_map, {name: i for i, name in enumerate(features)})))


@pytest.fixture(scope="session")
def frozen() -> Frozen:
    return Frozen(1)


@pytest.fixture(scope="session")
def evening(frozen: Frozen) -> Evening:
    drive = Drive([applied(frozen)], Clockwork(window_ms=1_000, lateness_ms=500, summary_ms=1_000, recent_ms=15_000))
    drive.feed(events(frozen, 5, T0, SECONDS * RATE, SCENES))
    heard: Heard = drive.end(T0 + 1000 * (SECONDS + 4))
    return Evening(heard.alerts, heard.summaries, [T0 + int(1000 * begin) for begin, _, _ in SCENES])
