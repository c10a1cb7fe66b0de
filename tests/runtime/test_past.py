"""From the topics of an installation to what would have been heard, without `apply` and without a group."""

import json
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from tests.runtime.installation import CONTRACT, Installation

from anchorwatch.config import load
from anchorwatch.contract import parse
from anchorwatch.engine.tail import tail
from anchorwatch.errors import ConfigError
from anchorwatch.runtime import past
from anchorwatch.runtime.backtest import backtest
from anchorwatch.runtime.drive import Clockwork

pytestmark = pytest.mark.kafka
N, STEP_MS = 3_000, 200  # ten minutes


def feed(there: Installation, end_ms: int) -> None:
    """Each tenth label is wrong; in the last third each second one."""
    out = Producer({**there.kafka, "partitioner": "murmur2_random"})
    for i in range(N):
        at, answer = end_ms - (N - i) * STEP_MS, "block" if i % 4 == 0 else "pass"
        wrong = i % 10 == 0 or (i > 2 * N // 3 and i % 2 == 0)
        about = {"prediction_id": f"o-{i}", "model": "fraud"}
        event = about | {"prediction": answer, "predicted_at_ms": at, "features": {"amount": i % 50}}
        out.produce(f"{there.prefix}predictions", json.dumps(event).encode(), f"o-{i}".encode())
        label = answer if not wrong else "pass" if answer == "block" else "block"
        out.produce(f"{there.prefix}outcomes", json.dumps(about | {"label": label, "known_at_ms": at + 500}).encode(), f"o-{i}".encode())
    assert out.flush(30) == 0


def test_what_the_topics_hold_is_judged_against_what_came_before(installation: Callable[..., Installation]) -> None:
    there, contract = installation(), parse(CONTRACT, "fraud.yaml")
    there.create()
    now_ms = time.time_ns() // 1_000_000
    feed(there, now_ms)
    settings = load(there.folder / "anchorwatch.yaml", {})

    late, told = past.course(settings, contract, now_ms - 300_000, now_ms + 60_000, 10_000)
    early, why = past.course(settings, contract, now_ms - 3_600_000, now_ms + 60_000, 10_000)
    heard = backtest(late, Clockwork())

    assert told.startswith("1,500 predictions before ")
    assert sum(event.role == "predictions" for event in late.events) == 1_500
    assert why.startswith("the first third")
    assert sum(event.role == "predictions" for event in early.events) == pytest.approx(2_000, abs=10)
    assert {finding.watch for finding in heard.findings if finding.verdict == "page"} == {"quality"}
    assert list(tail(there.kafka, [f"{there.prefix}contracts"], since="beginning", until_end=True)) == []


def test_a_model_that_never_spoke_is_named(installation: Callable[..., Installation]) -> None:
    there, contract = installation(), parse(CONTRACT, "fraud.yaml")
    there.create()

    with pytest.raises(ConfigError, match="prod/fraud: no prediction of this model stands in its topic since"):
        past.course(load(there.folder / "anchorwatch.yaml", {}), contract, 0, 1, 10_000)
