"""What committed readers find: totals per segment in observations and in judge's summaries, spans without holes, alerts in sequence."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from tests.integration.ground import Ground

from anchorwatch.events import Block, Counts, Observation

SIDE = 3  # classes no, yes, and any other
Totals = dict[str, dict[str, int]]  # predictions, labelled, correct -> segment -> n
DECODER = msgspec.msgpack.Decoder(Observation)


def nothing() -> dict[str, Counter[str]]:
    return {"predictions": Counter(), "labelled": Counter(), "correct": Counter()}


def observed(ground: Ground) -> tuple[Totals, Counter[str], int]:
    """Totals per segment, tallies of all models, and rows that lie in no span or in two."""
    totals, tallies = nothing(), Counter[str]()
    holes, read = 0, dict[tuple[int, int, str], int]()
    for told in ground.told("observations"):
        observation = DECODER.decode(told.value or b"")
        for block in observation.blocks:
            for kind, segment, n in _told(block):
                totals[kind][segment] += n
        for table in observation.tallies.values():
            tallies.update(table)
        for topic, (begin, end) in observation.spans.items():
            place = (told.partition, observation.task, topic)
            holes += abs(begin - read.get(place, begin))
            read[place] = end
    return {kind: dict(counter) for kind, counter in totals.items()}, tallies, holes


def _told(block: Block) -> Iterator[tuple[str, str, int]]:
    for key, counts in block.counts.items():
        name = key.partition("~")[0]
        if name == "answer":
            yield from (("predictions", block.segments[row], n) for row, _, n in cells(counts))
        elif name == "confusion@late":
            for row, symbol, n in cells(counts):
                if symbol < SIDE * SIDE:
                    yield "labelled", block.segments[row], n
                    if symbol // SIDE == symbol % SIDE:
                        yield "correct", block.segments[row], n


def cells(counts: Counts) -> Iterator[tuple[int, int, int]]:
    at, value = np.frombuffer(counts.at, "<i4").tolist(), np.frombuffer(counts.value, "<i8").tolist()
    return ((place // counts.symbols, place % counts.symbols, n) for place, n in zip(at, value, strict=True))


def summary(ground: Ground) -> dict[str, Any]:
    """The newest one of the loan model; {} before the first."""
    told = [record for record in ground.told_json("findings") if record["schema"] == "summary.v1"]
    return max(told, key=lambda record: int(record["at_ms"]), default={})


def judged(ground: Ground) -> Totals:
    """What judge's newest summary says of the last day: its committed state, through all its lives."""
    found, newest = nothing(), summary(ground)
    columns = newest.get("columns", {})
    for i, segment in enumerate(newest.get("segments", [])):
        labels = int(columns["labels"][i] or 0)
        found["predictions"][segment] = int(columns["predictions"][i])
        found["labelled"][segment] = labels
        found["correct"][segment] = round(labels * (columns["quality"][i] or 0.0))
    return {kind: dict(+counter) for kind, counter in found.items()}


def exact(ground: Ground, fed: Totals, patience: float = 90) -> dict[str, Any]:
    """What was found once both stages have counted all that was fed, or when patience ends: `expected(fed)` if nothing is lost or double."""
    limit = time.monotonic() + patience
    while True:
        seen, tallies, holes = observed(ground)
        found = {"observed": seen, "judged": judged(ground), "joined": tallies["outcome.joined"], "holes": holes}
        found["late"] = tallies["late_prediction"] + tallies["outcome.late"]
        if found == expected(fed) or time.monotonic() > limit:
            return found
        time.sleep(0.3)


def expected(fed: Totals) -> dict[str, Any]:
    """Nothing late, since the lateness covers what a busy machine does."""
    return {"observed": fed, "judged": fed, "joined": fed["labelled"]["whole"], "holes": 0, "late": 0}


def histories(ground: Ground) -> dict[str, list[tuple[int, str]]]:
    """Each alert's changes in the order of the log: (sequence, state)."""
    found = defaultdict(list)
    for alert in ground.told_json("alerts.events"):
        found[alert["id"]].append((alert["sequence"], alert["state"]))
    return dict(found)


def broken(ground: Ground) -> dict[str, Any]:
    """Alerts with a change lost, double or out of order, and those whose compacted state is not their last change; {} when all is well."""
    told = histories(ground)
    odd: dict[str, Any] = {name: seen for name, seen in told.items() if [n for n, _ in seen] != list(range(1, len(seen) + 1))}
    by_key: dict[str, str] = {alert["dedup_key"]: alert["id"] for alert in ground.told_json("alerts.events")}  # the newest alert of each
    state = {record.key.decode(): record.value for record in ground.told("alerts.state") if record.key}
    for key, name in by_key.items():
        kept = json.loads(state.get(key) or b"null")
        if kept is None or (kept["id"], kept["sequence"], kept["state"]) != (name, *told[name][-1]):
            odd[key] = {"events": (name, told[name][-1]), "state": kept}
    return odd
