import json
import random
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.conftest import Kafka
from tests.runtime.installation import Installation, until

from anchorwatch.cli import launch as run


@pytest.fixture
def there(kafka: Kafka, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Flat JSON of other names on two topics of their own."""
    monkeypatch.chdir(tmp_path)
    made = Installation(kafka.client, topic_prefix, tmp_path, contract="")
    made.topic("scored", 2)
    made.topic("settled", 2)
    feed(made, 0, 600, time.time() - 300)
    return made


def feed(there: Installation, first: int, n: int, begin_s: float) -> None:
    """Two payments a second, each settled 2 s later; one in twenty is answered wrongly."""
    out, rng = Producer({**there.kafka, "partitioner": "murmur2_random"}), random.Random(first)
    for i in range(first, first + n):
        at, bad = begin_s + (i - first) / 2, rng.random() < 0.3
        payment = {"paymentId": f"pay-{i}", "scored_at": round(at, 3), "verdict": "BLOCK" if bad else "PASS", "p": 0.9 if bad else 0.1}
        payment |= {"took_us": 20_000 + i % 99, "amount": round(rng.expovariate(0.02), 2), "country": rng.choice(["DE", "NO", "FR"])}
        out.produce(f"{there.prefix}scored", json.dumps(payment).encode(), f"pay-{i}".encode())
        truth = {"ref": f"pay-{i}", "outcome": payment["verdict"] if rng.random() < 0.95 else "PASS", "booked_at": int((at + 2) * 1_000)}
        out.produce(f"{there.prefix}settled", json.dumps(truth).encode(), f"pay-{i}".encode())
    assert out.flush(30) == 0


def words(there: Installation, *more: str) -> list[str]:
    return ["init", "--topic", f"{there.prefix}scored", "--outcomes", f"{there.prefix}settled", "--owner", "group:default/risk", *more]


def test_from_a_topic_to_a_watched_model(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """init, contract check, doctor, apply and run, and nothing else."""
    name = f"{there.prefix}scored"
    file = f"contracts/{name}.yaml"

    codes = [run(words(there)), run(["contract", "check", file]), run(["topics", "create"]), run(["doctor", "--contract", file])]
    told = capsys.readouterr().out
    codes.append(run(["apply", file]))
    learnt = capsys.readouterr().out
    with there.run() as running:
        running.wait_ready()
        feed(there, 10_000, 40, time.time() - 20)

        def seen() -> object:
            summaries = [each for each in there.told_json("findings") if each["schema"] == "summary.v1"]
            return sum((each["columns"]["predictions"] or [0])[0] for each in summaries) > 0

        until(seen, what=lambda: running.words)

    assert codes == [0, 0, 0, 0, 0], told
    assert "Read by this contract: 600 of 600 predictions, 600 outcomes; none is refused." in told
    assert "nothing wrong was found" in told
    assert "600 predictions, 600 with a label" in learnt
    assert there.told("dead-letters") == []


def test_a_file_that_is_there_is_not_written_over_unless_told(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [run(words(there, "--out", "mine.yaml")), run(words(there, "--out", "mine.yaml"))]
    told = capsys.readouterr()
    codes += [run(words(there, "--out", "mine.yaml", "--force")), run(words(there, "--out", "-"))]

    assert codes == [0, 2, 0, 0]
    assert "mine.yaml is there already; --force writes over it" in told.err
    assert "contract: 1" in capsys.readouterr().out


def test_a_topic_that_holds_nothing_is_told(there: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    there.topic("empty", 1)

    assert run(["init", "--topic", f"{there.prefix}empty"]) == 2
    assert "holds 0 JSON records, 20 are needed" in capsys.readouterr().err
