"""From other people's topics to a first alert: contracts of this folder, `anchorwatch run`, and events as those systems write them."""

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer
from tests.conftest import Kafka
from tests.runtime.installation import Installation, Running, until

CONTRACTS = Path(__file__).parent / "contracts"
Message = tuple[str, bytes | None, bytes, list[tuple[str, str | bytes | None]]]  # topic, key, value, headers


@pytest.fixture
def installed(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Callable[..., Installation]:
    def made(name: str, **sources: int) -> Installation:
        """The contract of that name, its topics with so many partitions, and ours."""
        there = Installation(kafka.client, topic_prefix, tmp_path, contract="")
        text = (CONTRACTS / f"{name}.yaml").read_text().replace("PREFIX", topic_prefix)
        (there.folder / "contracts" / f"{name}.yaml").write_text(text)
        for topic, partitions in sources.items():
            there.topic(topic.replace("_", "."), partitions)
        assert there.command("contract", "check", "contracts").returncode == 0
        done = there.command("topics", "create")
        assert done.returncode == 0, done.stderr
        return there

    return made


def send(there: Installation, messages: Iterator[Message]) -> None:
    producer = Producer({**there.kafka, "partitioner": "murmur2_random", "linger.ms": 5})
    for topic, key, value, headers in messages:
        producer.produce(there.prefix + topic, value, key, headers=headers)
    assert producer.flush(30) == 0


def first_alert(there: Installation, running: Running, watch: str, feed: Callable[[int], Iterator[Message]]) -> dict[str, Any]:
    """Of that watch, while the model is fed twice a second."""
    limit, number = time.monotonic() + 60, 0
    while time.monotonic() < limit:
        send(there, feed(number))
        number += 1
        time.sleep(0.5)  # the pace of the stream
        for alert in there.told_json("alerts.events"):
            if alert["labels"]["watch"] == watch:
                return alert
    raise AssertionError(f"{running.words}\n{[told.headers for told in there.told('dead-letters')][:3]}")


def wrong_half_of_the_time(number: int) -> Iterator[Message]:
    """Payments as their team writes them: each second one is blocked, and none should have been."""
    now_ms = time.time_ns() // 1_000_000
    for i in range(number * 100, number * 100 + 100):
        result = {"p_block": 0.9 if i % 2 else 0.1, "took_us": 20_000 + i % 999}
        payment = {"id": i, "geo": {"iso.code": "DE" if i % 3 else "FR"}, "inputs": {"amount": i % 50, "channel": "web"}}
        yield "payments.scored", b"%d" % i, json.dumps({"payment": payment, "result": result, "scored_at": now_ms / 1000}).encode(), []
        yield "payments.settled", b"%d" % i, json.dumps({"payment_id": i, "verdict": "pass", "booked_at": now_ms + 200}).encode(), []


def test_flat_and_nested_json_of_other_names(installed: Callable[..., Installation]) -> None:
    there = installed("payments", payments_scored=3, payments_settled=3)
    with there.run() as running:
        running.wait_ready()
        alert = first_alert(there, running, "quality", wrong_half_of_the_time)

    assert (alert["labels"]["alertname"], alert["labels"]["model"]) == ("QualityDrop", "payments")
    assert alert["evidence"]["current"] == pytest.approx(0.5, abs=0.15)
    assert there.told("dead-letters") == []


def logged_by_kserve(number: int) -> Iterator[Message]:
    """Two instances an event, each second one blocked, and none should have been; halves in turn, as they come from two goroutines."""
    now = datetime.now(UTC)
    for i in range(number * 50, number * 50 + 50):
        about = {"specversion": "1.0", "id": f"e-{i}", "source": "http://localhost:9081/", "endpoint": "canary" if i % 3 else "default"}
        rows = {"instances": [[i % 50, 30], [i % 40, 60]]}
        halves = [("request", now - timedelta(milliseconds=20), rows), ("response", now, {"predictions": [0.9, 0.1]})]
        for kind, at, payload in halves if i % 2 else halves[::-1]:
            told = {**about, "type": f"org.kubeflow.serving.inference.{kind}", "time": f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z"}
            yield "knative.scoring", None, json.dumps(payload).encode(), [(f"ce_{name}", text.encode()) for name, text in told.items()]
        for instance in range(2):
            truth = {"event_id": f"e-{i}#{instance}", "truth": "pass"}
            yield "scoring.truth", truth["event_id"].encode(), json.dumps(truth).encode(), []


def test_events_of_kserves_logger(installed: Callable[..., Installation]) -> None:
    """Keyed by nothing of ours, on unequal numbers of partitions."""
    there = installed("kserve", knative_scoring=3, scoring_truth=2)
    with there.run() as running:
        running.wait_ready()
        alert = first_alert(there, running, "quality", logged_by_kserve)

    assert (alert["labels"]["alertname"], alert["labels"]["model"]) == ("QualityDrop", "scoring")
    assert alert["evidence"]["current"] == pytest.approx(0.5, abs=0.15)
    assert there.told("dead-letters") == []


INPUTS = {"type": "record", "name": "Inputs", "fields": [{"name": "amount", "type": "double"}, {"name": "job", "type": "string"}]}
TIME = {"type": "long", "logicalType": "timestamp-millis"}
TYPES = {"app": "long", "verdict": "string", "p": "double", "at": TIME, "inputs": INPUTS}
LENDING = {"type": "record", "name": "Scored", "fields": [{"name": name, "type": kind} for name, kind in TYPES.items()]}
SETTLED = {"type": "record", "name": "Settled", "fields": [{"name": name, "type": TYPES[name]} for name in ("app", "verdict")]}


class Answers(BaseHTTPRequestHandler):
    """A schema registry, as far as its client asks it."""

    def do_GET(self) -> None:
        schema = {7: LENDING, 8: SETTLED}[int(self.path.partition("?")[0].rpartition("/")[2])]
        body = json.dumps({"schema": json.dumps(schema)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not to the test's output."""


def serialised(schema: dict[str, Any], number: int, event: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, event)
    return b"\0" + number.to_bytes(4, "big") + out.getvalue()


def lent_to_the_wrong_half(number: int) -> Iterator[Message]:
    now_ms = time.time_ns() // 1_000_000
    for i in range(number * 100, number * 100 + 100):
        inputs = {"amount": float(i % 50), "job": "abc"[i % 3]}
        answer = {"app": i, "verdict": "block" if i % 2 else "pass", "p": 0.9 if i % 2 else 0.1, "at": now_ms, "inputs": inputs}
        yield "lending.scored", b"%d" % i, serialised(LENDING, 7, answer), []
        yield "lending.settled", b"%d" % i, serialised(SETTLED, 8, {"app": i, "verdict": "pass"}), []


def test_avro_whose_registry_comes_up_late(installed: Callable[..., Installation]) -> None:
    """What was written while it was away waits, and none of it becomes a dead letter."""
    there = installed("avro", lending_scored=2, lending_settled=2)
    with socket.socket() as held:  # bound, not listening: refused until the registry takes the port over
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with (there.folder / "anchorwatch.yaml").open("a") as settings:
        settings.write(f"registry: {{url: 'http://127.0.0.1:{port}'}}\n")
    with there.run() as running:
        running.wait_ready()
        send(there, lent_to_the_wrong_half(0))
        until(lambda: "registry.waiting" in running.words, what=lambda: running.words)
        with ThreadingHTTPServer(("127.0.0.1", port), Answers) as registry:
            threading.Thread(target=registry.serve_forever, daemon=True).start()
            alert = first_alert(there, running, "quality", lambda number: lent_to_the_wrong_half(number + 1))
            registry.shutdown()

    assert (alert["labels"]["alertname"], alert["labels"]["model"]) == ("QualityDrop", "lending")
    assert there.told("dead-letters") == []
