"""What a service imports to tell Anchorwatch of its predictions, and to follow alerts. Optional: five lines of JSON and a key do the same.

    watch = Client("kafka:9092", model="fraud", version="4")
    with watch.predict(features=row, segments={"tier": tier}) as p:   # times inference, takes the current trace context
        p.answer("block", score=0.87)                                 # p.id is the prediction id to hand on
    watch.outcome(p.id, label="pass", source="chargeback")
    watch.complaint(p.id, "ticket")

Nothing here blocks or raises in the path of a request: events wait in a bounded queue (100,000 of them or 32 MB) for a thread to send them;
above that they are dropped and counted. Trouble is counted in `Client.counts`, told to `on_error` and, at most once a minute, logged.

Processes that fork (gunicorn with preload, multiprocessing): a client made before the fork works in the child, which connects anew with its
first event. A child that leaves by `os._exit`, as multiprocessing's do, calls `flush` before.
"""

import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import msgspec
from confluent_kafka import KafkaError, Message
from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from anchorwatch.client.alerts import follow_alerts
from anchorwatch.client.outbox import EVENTS_MAX, QUEUE_KB_MAX, Delivered, Memory, Outbox, Post, Sender
from anchorwatch.errors import ConfigError
from anchorwatch.events import MODEL_NAME, Answer, Complaint, Decision, FlagChange, Outcome, Prediction

__all__ = ["Client", "Fake", "Post", "Predicting", "follow_alerts"]

Event = Prediction | Outcome | Decision | Complaint | FlagChange
E = TypeVar("E", Prediction, Outcome, Decision, Complaint, FlagChange)
_TOPICS: dict[type, str] = {
    Prediction: "predictions", Outcome: "outcomes", Decision: "decisions", Complaint: "complaints", FlagChange: "flags",
}  # fmt: skip
_W3C = TraceContextTextMapPropagator()  # whatever the service's own propagators are: the field `traceparent` is W3C's


class Client:
    """Tells of one model's predictions, outcomes, decisions, complaints and flags. Threads may share it.

    `kafka`: further settings in librdkafka's names (TLS, SASL). `prefix`: that of the standard topics.
    """

    def __init__(
        self,
        bootstrap: str,
        model: str,
        version: str | None = None,
        environment: str = "prod",
        *,
        prefix: str = "anchorwatch.",
        kafka: Mapping[str, Any] | None = None,
        on_error: Callable[[str], None] | None = None,
        flush_s: float = 5.0,
        sender: Sender | None = None,
        tracer_provider: trace.TracerProvider | None = None,
    ) -> None:
        if not MODEL_NAME.fullmatch(model):
            raise ConfigError(f"Client(model={model!r}): use 1 to 63 small letters, digits, dots, hyphens, underscores, as in its contract")
        settings = {
            "linger.ms": 20,
            "queue.buffering.max.messages": EVENTS_MAX,
            "queue.buffering.max.kbytes": QUEUE_KB_MAX,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # as Java's: librdkafka's own, CRC32, would part predictions from their outcomes
            "client.id": f"anchorwatch-client-{model}",
            **(kafka or {}),
            "bootstrap.servers": bootstrap,
        }
        self.model, self.version, self.environment, self.prefix = model, version, environment, prefix
        self._sender: Sender = Outbox(settings, on_error) if sender is None else sender
        self._tracer = trace.get_tracer("anchorwatch.client", tracer_provider=tracer_provider)
        self._encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode
        self._at_exit = weakref.finalize(self, self._sender.close, flush_s)  # also at the end of the process

    @property
    def counts(self) -> dict[str, int]:
        """sent (into the queue), delivered, dropped (the queue was full), failed (not encoded or not delivered)."""
        return dict(self._sender.counts)

    @classmethod
    def fake(cls, model: str = "model", version: str | None = None, environment: str = "prod", **more: Any) -> "Fake":
        """A client for tests of a service: keeps its events, needs no Kafka. `more`: other arguments of `Client`."""
        return Fake("", model, version, environment, sender=Memory(), **more)

    def predict(self, features: Mapping[str, Any] | None = None, segments: Mapping[str, Any] | None = None, **more: Any) -> "Predicting":
        """A block that makes one prediction. `more`: other fields of `events.Prediction`, such as `arm`, `propensity`, `prediction_id`."""
        return Predicting(self, features or {}, segments or {}, more)

    def outcome(self, prediction_id: str, label: Answer, *, of: str | None = None, **more: Any) -> None:
        """The truth became known. `of`: the prediction's traceparent, to link to; `more`: other fields of `events.Outcome`."""
        now = {"known_at_ms": _now_ms()}
        self.send(Outcome(prediction_id, self.model, label, **{**now, "environment": self.environment, **more}), of)

    def decision(
        self, prediction_id: str, action: str, use: Literal["followed", "overridden", "ignored"] | None = None, **more: Any
    ) -> None:
        """What was done with a prediction. `more`: other fields of `events.Decision`."""
        now = {"decided_at_ms": _now_ms()}
        self.send(Decision(prediction_id, self.model, action, use=use, **{**now, "environment": self.environment, **more}))

    def complaint(self, prediction_id: str, kind: str = "complaint", **more: Any) -> None:
        """Somebody complained, or left: a ticket, a chargeback, churn. `more`: other fields of `events.Complaint`."""
        now = {"complained_at_ms": _now_ms()}
        self.send(Complaint(prediction_id, self.model, kind, **{**now, "environment": self.environment, **more}))

    def flag(self, key: str, state: str, **more: Any) -> None:
        """A flag, deploy, alias or setting changed. `more`: other fields of `events.FlagChange`."""
        now = {"changed_at_ms": _now_ms()}
        self.send(FlagChange(key, state, **{**now, "models": [self.model], "environment": self.environment, **more}))

    def send(self, event: Event, of: str | None = None) -> None:
        """Any event, made by hand. Never raises: what cannot be encoded counts as failed."""
        topic = self.prefix + _TOPICS[type(event)]
        key = f"{event.environment}/{event.key}" if isinstance(event, FlagChange) else event.prediction_id
        span = self._tracer.start_span(f"send {topic}", kind=SpanKind.PRODUCER, attributes=_attributes(topic, key), links=_links(of))
        carrier: dict[str, str] = {}
        try:
            _W3C.inject(carrier, trace.set_span_in_context(span))
            if isinstance(event, Prediction | Outcome) and event.traceparent is None:
                event.traceparent = carrier.get("traceparent")
            headers: list[tuple[str, str | bytes | None]] = [
                ("content-type", b"application/json"),
                *((name, text.encode()) for name, text in carrier.items()),
            ]
            self._sender.post(Post(topic, key.encode(), self._encode(event), headers), _ending(span) if span.is_recording() else None)
        except Exception as error:  # the request goes on without us
            span.set_attribute("error.type", type(error).__name__)
            span.end()
            self._sender.fail(f"an event for {topic} could not be written: {error!r}; send texts, numbers, bools and None")

    def flush(self, seconds: float = 5.0) -> int:
        """Waits until all is delivered, at most so long; -> events still waiting."""
        return self._sender.flush(seconds)

    def close(self) -> None:
        """Flushes for as long as `flush_s`; events after that are dropped."""
        self._at_exit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Fake(Client):
    """What `Client.fake` makes: keeps the newest FAKE_MAX events; an event that cannot be written fails the test."""

    @property
    def posts(self) -> list[Post]:
        """As they would go to Kafka: topic, key, value, headers."""
        assert isinstance(self._sender, Memory), "a fake keeps its posts"
        return list(self._sender.posts)

    @property
    def predictions(self) -> list[Prediction]:
        return self._events(Prediction)

    @property
    def outcomes(self) -> list[Outcome]:
        return self._events(Outcome)

    @property
    def decisions(self) -> list[Decision]:
        return self._events(Decision)

    @property
    def complaints(self) -> list[Complaint]:
        return self._events(Complaint)

    @property
    def flags(self) -> list[FlagChange]:
        return self._events(FlagChange)

    def _events(self, kind: type[E]) -> list[E]:
        topic = self.prefix + _TOPICS[kind]
        return [msgspec.json.decode(post.value, type=kind) for post in self.posts if post.topic == topic]


class Predicting:
    """One prediction being made. Sent at the end of the block, if there is an answer; a block that raises tells of a failed call."""

    def __init__(self, client: Client, features: Mapping[str, Any], segments: Mapping[str, Any], more: dict[str, Any]) -> None:
        self._client, self._features, self._segments, self._more = client, features, segments, more
        self.id: str = more.pop("prediction_id", None) or str(uuid.uuid4())
        self._answer: dict[str, Any] | None = None
        self._span: Span = trace.INVALID_SPAN
        self._scope: Any = None

    @property
    def traceparent(self) -> str | None:
        """Of this prediction's span, for `Client.outcome(of=...)`; None when nobody traces."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(self._span))
        return carrier.get("traceparent")

    def answer(self, prediction: Answer, score: float | None = None, scores: Mapping[str, float] | None = None, **more: Any) -> None:
        """The model has answered: the time of inference ends here. A second answer replaces the first."""
        latency = {"latency_ms": (time.perf_counter() - self._began) * 1e3, "predicted_at_ms": _now_ms()}
        self._answer = {"prediction": prediction, "score": score, "scores": scores and dict(scores), **latency, **more}

    def __enter__(self) -> Self:
        client = self._client
        about = {"anchorwatch.model": client.model, "anchorwatch.environment": client.environment, "anchorwatch.prediction.id": self.id}
        self._scope = client._tracer.start_as_current_span(f"predict {client.model}", attributes=about, record_exception=False)
        self._span = self._scope.__enter__()
        self._requested_at_ms, self._began = _now_ms(), time.perf_counter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        try:
            if self._answer is None and error is not None:
                elapsed = (time.perf_counter() - self._began) * 1e3
                self._answer = {"status": 500, "latency_ms": elapsed, "predicted_at_ms": _now_ms()}
            if self._answer is None:
                self._client._sender.fail(f"prediction {self.id} had no answer and was not sent; call `answer` inside the block")
            else:
                self._send(self._answer)
        finally:
            self._scope.__exit__(kind, error, where)

    def _send(self, answer: dict[str, Any]) -> None:
        client = self._client
        fields = {
            "features": self._features,
            "segments": self._segments,
            "requested_at_ms": self._requested_at_ms,
            "model_version": client.version,
            "environment": client.environment,
            **self._more,
            **answer,
        }
        try:
            event = Prediction(self.id, client.model, **fields)
            event.features, event.segments = dict(event.features), dict(event.segments)
        except (TypeError, ValueError) as problem:
            client._sender.fail(f"prediction {self.id} could not be made: {problem}; use the fields of events.Prediction")
        else:
            client.send(event)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _plain(value: Any) -> Any:
    """numpy's scalars as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"a {type(value).__name__} is no JSON value")


def _attributes(topic: str, key: str) -> dict[str, str]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "messaging.message.conversation_id": key,
    }


def _links(traceparent: str | None) -> list[Link]:
    if traceparent is None:
        return []
    context = trace.get_current_span(_W3C.extract({"traceparent": traceparent})).get_span_context()
    return [Link(context, {"anchorwatch.link.kind": "prediction"})] if context.is_valid else []


def _ending(span: Span) -> Delivered:
    """The span of a send ends with the delivery report."""

    def delivered(error: KafkaError | None, message: Message | None) -> None:
        if error is not None:
            span.set_status(trace.StatusCode.ERROR)
            span.set_attribute("error.type", error.name())
        elif message is not None:
            span.set_attribute("messaging.destination.partition.id", str(message.partition()))
            span.set_attribute("messaging.kafka.offset", message.offset() or 0)
        span.end()

    return delivered
