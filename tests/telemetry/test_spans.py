"""telemetry/spans.py: the pinned SDK's span class still is what we make."""

import inspect
import random

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from tests.telemetry.samples import SHOP, T

from anchorwatch import trace
from anchorwatch.telemetry.spans import Spans, link
from anchorwatch.trace import TraceContext

PARENT = TraceContext(SHOP[3:35], SHOP[36:52], 1)


@pytest.fixture
def spans() -> Spans:
    return Spans(Resource({"service.name": "anchorwatch"}), random.Random(1))


def test_the_sdk_still_has_the_constructor_that_we_call() -> None:
    """Public, but "users should not": whoever raises the pin of the SDK learns here whether spans can still be made."""
    parameters = inspect.signature(ReadableSpan.__init__).parameters

    assert list(parameters)[:2] == ["self", "name"]
    assert {"context", "parent", "resource", "attributes", "links", "kind", "start_time", "end_time", "instrumentation_scope"} <= set(
        parameters
    )
    assert all(one.default is not inspect.Parameter.empty for one in list(parameters.values())[2:])


def test_a_span_made_here_is_encoded_whole_by_the_stock_exporter(spans: Spans) -> None:
    context = spans.child(PARENT)
    made = spans.make(
        "process predictions",
        SpanKind.CONSUMER,
        (T, T + 3),
        context,
        parent=PARENT,
        links=[link(PARENT, "send")],
        attributes={"a": "b", "n": 7},
    )

    sent = encode_spans([made]).resource_spans[0]
    span = sent.scope_spans[0].spans[0]
    assert (span.name, span.kind) == ("process predictions", 5)
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == (PARENT.trace_id, context.span_id, PARENT.span_id)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (T * 1_000_000, (T + 3) * 1_000_000)
    assert [(one.trace_id.hex(), one.span_id.hex(), one.attributes[0].value.string_value) for one in span.links] == [(*PARENT[:2], "send")]
    assert {one.key: one.value.string_value or one.value.int_value for one in span.attributes} == {"a": "b", "n": 7}
    assert sent.resource.attributes[0].value.string_value == "anchorwatch"
    assert sent.scope_spans[0].scope.name == "anchorwatch"
    assert span.flags == 0x300  # the parent is remote, and that is known
    assert span.dropped_attributes_count == span.dropped_links_count == span.dropped_events_count == 0


def test_an_end_before_the_start_is_drawn_without_length(spans: Spans) -> None:
    """The broker's clock is ahead of ours."""
    made = spans.make("queue predictions", SpanKind.INTERNAL, (T + 50, T), spans.child(PARENT), attributes={})

    assert made.start_time == made.end_time == T * 1_000_000


def test_roots_and_children_are_valid_and_kept(spans: Spans) -> None:
    root = spans.root()
    child = spans.child(root)

    assert trace.parse(trace.format(root)) == root
    assert root.sampled
    assert child[0::2] == root[0::2]
    assert child.span_id != root.span_id


def test_ids_are_drawn_from_the_system_unless_told_otherwise() -> None:
    made = [Spans(Resource({})).root() for _ in range(3)]

    assert len({one.trace_id for one in made}) == 3
