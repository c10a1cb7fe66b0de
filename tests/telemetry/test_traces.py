"""telemetry/traces.py: three traces, joined by links."""

import random

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from tests.telemetry.samples import BANK, SHOP, T, alert, outcome, prediction, traceparent

from anchorwatch import trace
from anchorwatch.stages.report import Report
from anchorwatch.telemetry.spans import Spans
from anchorwatch.telemetry.traces import Traces, chosen, cost, evidence, judged_of
from anchorwatch.trace import TraceContext


@pytest.fixture
def traces() -> Traces:
    return Traces(Spans(Resource({}), random.Random(1)), "anchorwatch-ingest", "ingest.worker-1", "alerts.events")


def ids(span: ReadableSpan) -> tuple[str, str]:
    context = span.get_span_context()
    assert context
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def parent(span: ReadableSpan) -> str:
    return f"{span.parent.span_id:016x}" if span.parent else ""


def links(span: ReadableSpan) -> list[tuple[str, str]]:
    """(traceparent's trace id, kind)"""
    return [(f"{one.context.trace_id:032x}", str((one.attributes or {})["anchorwatch.link.kind"])) for one in span.links]


def interval(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time // 1_000_000 - T, span.end_time // 1_000_000 - T


def test_a_prediction_is_queued_and_processed_below_its_send(traces: Traces) -> None:
    queue, process = traces.prediction(prediction())

    assert (queue.name, queue.kind, interval(queue)) == ("queue predictions", SpanKind.INTERNAL, (0, 1_200))
    assert (process.name, process.kind, interval(process)) == ("process predictions", SpanKind.CONSUMER, (1_200, 1_203))
    assert {ids(queue)[0], ids(process)[0]} == {SHOP[3:35]}
    assert parent(queue) == parent(process) == SHOP[36:52]
    assert len({ids(queue)[1], ids(process)[1], SHOP[36:52]}) == 3
    assert (links(queue), links(process)) == ([], [(SHOP[3:35], "send")])
    assert dict(process.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "predictions",
        "messaging.client.id": "ingest.worker-1",
        "messaging.consumer.group.name": "anchorwatch-ingest",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 88_121,
        "messaging.message.conversation_id": "p-1",
        "anchorwatch.prediction.id": "p-1",
        "anchorwatch.model.name": "fraud",
        "anchorwatch.model.environment": "prod",
    }


def test_a_prediction_read_late_is_marked_as_a_replay(traces: Traces) -> None:
    spans = traces.prediction(prediction(polled_ms=T + 60_001, counted_ms=T + 60_002))

    assert [(one.attributes or {}).get("anchorwatch.replay") for one in spans] == [True, True]


def test_a_prediction_whose_header_is_malformed_leaves_nothing(traces: Traces) -> None:
    assert traces.prediction(prediction(traceparent="00-zz")) == []


def test_an_outcome_is_processed_in_its_own_trace_and_linked_to_its_prediction(traces: Traces) -> None:
    (process,) = traces.outcome(outcome())

    assert (process.name, process.kind) == ("process outcomes", SpanKind.CONSUMER)
    assert interval(process) == (2 * 86_400_000 + 9, 2 * 86_400_000 + 11)
    assert (ids(process)[0], parent(process)) == (BANK[3:35], BANK[36:52])
    assert links(process) == [(BANK[3:35], "send"), (SHOP[3:35], "prediction")]
    about = process.attributes or {}
    assert about["anchorwatch.prediction.trace_id"] == SHOP[3:35]
    assert about["anchorwatch.outcome.delay"] == 172_800.0
    assert about["anchorwatch.outcome.label"] == "pass"


@pytest.mark.parametrize(("own", "kinds"), [("", ["prediction"]), (BANK[:-2] + "00", ["send", "prediction"])])
def test_an_outcome_without_a_kept_trace_begins_one(traces: Traces, own: str, kinds: list[str]) -> None:
    """A child of a span that does not exist would be an orphan."""
    (process,) = traces.outcome(outcome(traceparent=own))

    assert process.parent is None
    assert ids(process)[0] not in (BANK[3:35], SHOP[3:35])
    assert [kind for _, kind in links(process)] == kinds


def test_an_outcome_that_leads_nowhere_leaves_nothing(traces: Traces) -> None:
    assert traces.outcome(outcome(traceparent="", linked="")) == []


def test_an_alert_s_trace_can_be_gone_on_with_from_its_header(traces: Traces) -> None:
    judge, create = traces.alert(alert(), {"prod/fraud": (T, T + 400)}, T + 900)

    header = trace.alert_context("5f1c0e5b7a31d2c4", 1)
    assert ids(create) == (header.trace_id, header.span_id)
    assert (create.name, create.kind, interval(create)) == ("create alerts", SpanKind.PRODUCER, (400, 900))
    assert (judge.name, judge.kind, interval(judge)) == ("judge fraud", SpanKind.INTERNAL, (0, 400))
    assert (judge.parent, parent(create), ids(judge)[0]) == (None, ids(judge)[1], header.trace_id)
    assert links(judge) == links(create) == [(SHOP[3:35], "trigger")]
    about = create.attributes or {}
    assert (about["anchorwatch.alert.id"], about["anchorwatch.alert.state"]) == ("5f1c0e5b7a31d2c4", "firing")
    assert about["anchorwatch.prediction.trace_id"] == SHOP[3:35]
    assert about["messaging.destination.name"] == "alerts.events"
    assert (judge.attributes or {})["anchorwatch.observation.lag"] == 0.4


def test_the_same_alert_told_twice_has_the_same_spans(traces: Traces) -> None:
    """A replay falls on itself in the backend."""
    other = Traces(Spans(Resource({}), random.Random(2)), "", "", "")
    first, again = (each.alert(alert(), {}, T + 9) for each in (traces, other))

    assert [ids(span) for span in first] == [ids(span) for span in again]


def test_a_window_of_last_year_is_not_drawn_a_year_long(traces: Traces) -> None:
    judge, _ = traces.alert(alert(), {"prod/fraud": (T - 31_536_000_000, T)}, T)

    assert interval(judge) == (-600_000, 0)
    assert (judge.attributes or {})["anchorwatch.observation.lag"] == 31_536_000.0


def test_evidence_is_the_trigger_and_at_most_16_others_none_of_them_dead() -> None:
    """An unsampled trace was never sent: a link to it is a dead click."""
    listed = [traceparent(0, "00"), "nonsense", None, traceparent(1), *(traceparent(i) for i in range(1, 40))]

    found = evidence({"traceparents": listed})

    assert [(one.context.span_id, (one.attributes or {})["anchorwatch.link.kind"]) for one in found] == [
        (2, "trigger"),
        *((i, "evidence") for i in range(3, 19)),
    ]


@pytest.mark.parametrize("listed", [None, [], "text", {"a": 1}, [1, 2]])
def test_an_alert_without_traces_is_drawn_without_links(traces: Traces, listed: object) -> None:
    judge, create = traces.alert(alert(evidence={"traceparents": listed}, trace_ids=[]), {}, T)

    assert (links(judge), links(create)) == ([], [])
    assert "anchorwatch.prediction.trace_id" not in (create.attributes or {})


def test_over_the_limit_predictions_and_their_outcomes_stay_or_go_together() -> None:
    """Two processes, one with the predictions, one with the outcomes, choose the same events."""
    chance = random.Random(3)
    headers = [trace.format(TraceContext(f"{chance.getrandbits(128):032x}", f"{i + 1:016x}", 1)) for i in range(500)]
    predictions = [prediction(traceparent=header) for header in headers]
    outcomes = [outcome(linked=header) for header in chance.sample(headers, k=500)]

    kept_predictions, kept_outcomes = chosen(predictions, 200), chosen(outcomes, 100)

    assert cost(kept_predictions) == 200
    assert {one.traceparent for one in kept_predictions} == {one.linked for one in kept_outcomes}


def test_under_the_limit_all_stay_in_their_order() -> None:
    kept = [prediction(offset=i, traceparent=traceparent(9 - i)) for i in range(5)]

    assert chosen(kept, 10) == kept
    assert chosen([], 0) == chosen(kept, 1) == []


def test_of_several_windows_in_one_cut_the_newest_counts() -> None:
    report = Report(judged=[("prod/fraud", 0, 10, 12), ("prod/other", 0, 10, 13), ("prod/fraud", 10, 20, 22)])

    assert judged_of(report) == {"prod/fraud": (20, 22), "prod/other": (10, 13)}
