"""How many bytes do the stages write for the rate they see? One ingest task and the judge, a second of event time a cut, into a real Kafka's log.

python -m scripts.benchmarks.written [--seconds N]
"""

import argparse
import json
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path

import confluent_kafka as ck
from scripts.benchmarks.load import CONTRACT, MODEL, Drawn, draw, pairs, reference

from anchorwatch import contract
from anchorwatch.broker import Broker
from anchorwatch.engine.settings import WRITING, producer
from anchorwatch.engine.topics import create, standard
from anchorwatch.events import Applied, Row
from anchorwatch.runtime.drive import Clockwork, Drive, applied_of
from anchorwatch.stages.report import Frozen

RATES = (1, 10, 100, 1_000)  # predictions a second of one task
REFERENCE_ROWS = 20_000
BEGIN_MS = 1_800_000_000_000
PREFIX = "written."


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=int, default=90, help="of event time, for each rate")
    seconds = asked.parse_args().seconds
    rng = random.Random(1)
    drawn = [draw(rng) for _ in range(REFERENCE_ROWS)]
    applied = applied_of(contract.parse(CONTRACT, "benchmark"), reference(list(pairs(REFERENCE_ROWS, BEGIN_MS - 3_600_000, drawn))))
    for rate in RATES:
        rows = paced(rate, seconds, drawn)
        with tempfile.TemporaryDirectory() as folder, Broker(data=Path(folder) / "kafka") as broker:
            create(broker.client, standard(PREFIX, 1, 1, 1, feeds={"default": 1}, replication=1))
            before = sizes(Path(folder))
            play(broker.client, applied, rows, seconds)
            grown = {topic: n - before.get(topic, 0) for topic, n in sizes(Path(folder)).items()}
        told = {topic: round(n / seconds) for topic, n in sorted(grown.items()) if topic.startswith(PREFIX) and n}
        print(json.dumps({"predictions_per_second": rate, "model": MODEL, "bytes_per_second": told}), flush=True)


def paced(rate: int, seconds: int, drawn: list[Drawn]) -> dict[str, list[list[Row]]]:
    """The rows of each second, by topic; outcomes come one to nine seconds after their prediction."""
    found: dict[str, list[list[Row]]] = {role: [[] for _ in range(seconds)] for role in ("predictions", "outcomes")}
    for event in pairs(rate * seconds, BEGIN_MS, drawn, rate):
        second = (event.at_ms - BEGIN_MS) // 1_000
        if second < seconds:
            found[event.role][second].append((event.key, event.value, 0, event.at_ms))
    return found


def play(kafka: Mapping[str, str | int], applied: Applied, rows: Mapping[str, list[list[Row]]], seconds: int) -> None:
    """A cut of both stages after each second, each flushed by itself as a transaction would be."""
    drive = Drive([applied], Clockwork())
    ingest, judge, offset = drive.ingests[0], drive.judge, 0
    out = producer(WRITING, kafka)
    for second in range(seconds):
        now = BEGIN_MS + 1_000 * (second + 1)
        for topic, each in rows.items():
            batch = [(key, value, offset + i, at) for i, (key, value, _, at) in enumerate(each[second])]
            offset += len(batch)
            if batch:
                ingest.take(topic, batch, now)
        ingest.tick(now, frozenset())
        made = ingest.freeze({})
        send(out, "ingest.default-changelog", made)
        told = [(r.key, r.value, n, 0) for n, r in enumerate(made.records) if r.topic == "observations"]
        if told:
            judge.take("observations", told, now)
        judge.tick(now, frozenset())
        if judge.due() or told:
            send(out, "judge-changelog", judge.freeze({}))
    assert out.flush(60) == 0, "Kafka did not take all"


def send(out: ck.Producer, changelog: str, made: Frozen) -> None:
    for name, chunk in made.chunks.items():
        out.produce(PREFIX + changelog, chunk, name)
    for record in made.records:
        out.produce(PREFIX + record.topic, record.value, record.key)
    assert out.flush(60) == 0, "Kafka did not take a cut"


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of the logs, by topic."""
    found: dict[str, int] = {}
    for log in folder.rglob("*.log"):
        topic = log.parent.name.rpartition("-")[0]
        found[topic] = found.get(topic, 0) + log.stat().st_size
    return found


if __name__ == "__main__":
    main()
