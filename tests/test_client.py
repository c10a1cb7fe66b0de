"""What a service sees of Anchorwatch."""

import json
import math
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from anchorwatch import trace
from anchorwatch.client import Client, Fake
from anchorwatch.errors import ConfigError
from anchorwatch.events import Flag, FlagChange, Prediction, Row
from anchorwatch.sources.base import Shape
from anchorwatch.sources.native import Complaints, Decisions, Flags, Outcomes, Predictions


def rows(watch: Fake, topic: str) -> list[Row]:
    return [(post.key, post.value, 0, 0) for post in watch.posts if post.topic == f"anchorwatch.{topic}"]


def header(watch: Fake, name: str, at: int = -1) -> str | None:
    found = [value for key, value in watch.posts[at].headers if key == name]
    assert len(found) <= 1, "exactly one winner, never two"
    return found[0].decode() if found and isinstance(found[0], bytes) else None


def test_a_block_times_inference_and_sends_what_the_model_saw_and_said() -> None:
    watch = Client.fake("fraud", version="4")

    with watch.predict(features={"amount": 99.5}, segments={"tier": "gold"}) as p:
        p.answer("block", score=0.87)

    (event,) = watch.predictions
    assert (event.prediction_id, event.model, event.model_version, event.prediction, event.score) == (p.id, "fraud", "4", "block", 0.87)
    assert (event.features, event.segments, event.environment) == ({"amount": 99.5}, {"tier": "gold"}, "prod")
    assert event.latency_ms is not None
    assert 0 < event.latency_ms < 1_000
    assert isinstance(event.requested_at_ms, int)
    assert isinstance(event.predicted_at_ms, int)
    assert event.requested_at_ms <= event.predicted_at_ms
    assert watch.posts[0].key == p.id.encode()
    assert header(watch, "content-type") == "application/json"


def test_everything_it_sends_is_taken_by_the_decoder_without_a_note() -> None:
    watch = Client.fake("fraud", version="4")
    with watch.predict({"amount": 1, "country": "DE"}, {"tier": 1}, flag=Flag("fraud-on", "on"), arm="baseline", propensity=0.01) as p:
        p.answer(True, scores={"true": 0.5, "false": 0.5})
    watch.outcome(p.id, label="pass", source="chargeback", revision=1)
    watch.decision(p.id, action="review", use="overridden", reason="vip")
    watch.complaint(p.id, "chargeback", actor="customer")
    watch.flag("fraud-model-on", "off", actor="j.doe", reason="latency")

    found = [
        Predictions([Shape("fraud", {"amount": "number", "country": "category"})]).decode(rows(watch, "predictions")),
        Outcomes().decode(rows(watch, "outcomes")),
        Decisions().decode(rows(watch, "decisions")),
        Complaints().decode(rows(watch, "complaints")),
        Flags().decode(rows(watch, "flags")),
    ]

    assert [(len(each.records), each.refused, each.tally) for each in found] == [(1, [], {})] * 5
    assert [record.prediction_id for each in found[:4] for record in each.records] == [p.id] * 4
    assert watch.posts[-1].key == b"prod/fraud-model-on"
    assert watch.flags[0].models == ["fraud"]
    assert (watch.complaints[0].kind, watch.complaints[0].model) == ("chargeback", "fraud")


def test_a_block_that_raises_tells_of_a_failed_call_and_lets_the_error_through() -> None:
    watch = Client.fake("fraud")

    with pytest.raises(ZeroDivisionError), watch.predict({"amount": 1}):
        _ = 1 / 0

    (event,) = watch.predictions
    assert (event.status, event.prediction) == (500, None)
    assert event.latency_ms is not None


def test_a_block_without_an_answer_is_a_mistake_that_a_test_hears_of() -> None:
    watch = Client.fake("fraud")

    with pytest.raises(AssertionError, match="call `answer` inside the block"), watch.predict({"amount": 1}):
        pass

    assert watch.predictions == []


@pytest.mark.parametrize("features", [{"amount": object()}, {"amount": {1, 2, object()}}])
def test_what_cannot_be_written_is_heard_in_a_test(features: dict[str, Any]) -> None:
    watch = Client.fake("fraud")

    with pytest.raises(AssertionError, match="could not be written"), watch.predict(features) as p:
        p.answer("pass")


def test_a_field_that_does_not_exist_is_heard_in_a_test() -> None:
    watch = Client.fake("fraud")

    with pytest.raises(AssertionError, match="use the fields of events"), watch.predict({}, colour="red") as p:
        p.answer("pass")


def test_numbers_of_numpy_and_decimals_stay_numbers_and_nan_is_null() -> None:
    """C05, C25: money as text would be a retyped feature, NaN is no JSON."""
    watch = Client.fake("fraud")
    values = {"a": np.float32(0.5), "b": np.int64(3), "c": np.float64(0.25), "d": Decimal("102.30"), "e": math.nan, "f": np.bool_(True)}

    with watch.predict(values) as p:
        p.answer(np.str_("pass"), score=np.float64(0.5))

    sent = json.loads(watch.posts[0].value, parse_constant=pytest.fail)
    assert sent["features"] == {"a": 0.5, "b": 3, "c": 0.25, "d": 102.30, "e": None, "f": True}
    assert (sent["prediction"], sent["score"]) == ("pass", 0.5)


def test_an_id_may_come_from_the_caller_and_is_a_uuid_otherwise() -> None:
    watch = Client.fake("fraud")

    assert watch.predict(prediction_id="o-4711").id == "o-4711"
    assert uuid.UUID(watch.predict().id)


def test_events_made_by_hand_are_sent_too() -> None:
    watch = Client.fake("fraud", environment="test")
    watch.send(Prediction("p-1", "fraud", "pass"))
    watch.send(FlagChange("k", "on", environment="test"))

    assert [post.key for post in watch.posts] == [b"p-1", b"test/k"]
    assert watch.counts == {"sent": 2, "delivered": 2, "dropped": 0, "failed": 0}


@pytest.mark.parametrize("model", ["Fraud", "", "a b", "x" * 64])
def test_a_model_name_that_no_contract_can_have_is_refused_at_once(model: str) -> None:
    with pytest.raises(ConfigError, match="small letters"):
        Client.fake(model)


def test_without_tracing_there_is_no_traceparent() -> None:
    watch = Client.fake("fraud")
    with watch.predict() as p:
        p.answer("pass")
        assert p.traceparent is None

    assert watch.predictions[0].traceparent is None
    assert header(watch, "traceparent") is None


def traced() -> tuple[Fake, TracerProvider, InMemorySpanExporter]:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Client.fake("fraud", tracer_provider=provider), provider, spans


def test_header_and_payload_carry_the_context_of_the_send_span() -> None:
    watch, provider, spans = traced()
    with provider.get_tracer("service").start_as_current_span("GET /pay", kind=SpanKind.SERVER), watch.predict() as p:
        p.answer("pass")

    send, predict, server = spans.get_finished_spans()
    context = trace.parse(watch.predictions[0].traceparent)
    assert [span.name for span in (send, predict, server)] == ["send anchorwatch.predictions", "predict fraud", "GET /pay"]
    assert (send.kind, predict.kind) == (SpanKind.PRODUCER, SpanKind.INTERNAL)
    assert send.parent == predict.context
    assert predict.parent == server.context
    assert send.context is not None
    assert context == trace.TraceContext(f"{send.context.trace_id:032x}", f"{send.context.span_id:016x}", int(send.context.trace_flags))
    assert header(watch, "traceparent") == watch.predictions[0].traceparent
    assert (send.attributes or {})["messaging.message.conversation_id"] == p.id


def test_an_outcome_links_to_the_prediction_it_is_about() -> None:
    watch, _, spans = traced()
    with watch.predict() as p:
        p.answer("pass")
        of = p.traceparent
    watch.outcome(p.id, "block", of=of)

    outcome, predict = spans.get_finished_spans()[-1], spans.get_finished_spans()[-2]
    assert predict.name == "predict fraud"
    assert [link.context.span_id for link in outcome.links] == [predict.context.span_id if predict.context else 0]
    assert dict(outcome.links[0].attributes or {}) == {"anchorwatch.link.kind": "prediction"}
    assert outcome.parent is None
    watch.outcome(p.id, "block", of="nonsense")
    assert spans.get_finished_spans()[-1].links == ()
