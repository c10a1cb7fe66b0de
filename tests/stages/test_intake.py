"""What one batch does to counts, join and report, through the stage that owns it."""

import numpy as np
import pytest
from tests.stages.test_ingest import one, stage, take
from tests.traffic import T0, Fault, traffic

from anchorwatch.stages import intake, report


def test_versions_and_reasons_are_counted_by_window_up_to_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "VERSIONS_MAX", 3)
    ingest = stage()
    take(ingest, [one(i, T0 + i % 2 * 1_000, model_version=f"v{i}", flag={"key": "f", "reason": "default"}) for i in range(12)])

    windows = {number: window for (number, _), window in ingest.models["prod/loan"].windows.items()}
    assert [len(window.versions) for _, window in sorted(windows.items())] == [3, 3]
    assert [window.reasons for _, window in sorted(windows.items())] == [{"default": 6}, {"default": 6}]


def test_some_records_are_read_as_a_map_and_each_that_lacks_a_field() -> None:
    ingest = stage()
    take(ingest, traffic(2_000, rate=5_000))
    whole = {"amount": 1.0, "age": 2.0, "job": "a"}
    sampled = sum(w.looked_at for w in ingest.models["prod/loan"].windows.values())

    take(ingest, [one(i, T0 + 50, features={**whole, "age": None} if i % 2 else whole) for i in range(200)])

    looked = sum(w.looked_at for w in ingest.models["prod/loan"].windows.values()) - sampled
    assert 90 <= sampled <= 160, "one in 16 while the model is learning"
    assert 100 <= looked <= 115


def test_latencies_are_told_for_the_histograms_without_those_not_told() -> None:
    ingest = stage()
    take(ingest, [one(1, T0, latency_ms=12.5), one(2, T0), one(3, T0, requested_at_ms=T0 - 40)])

    told = {hop: np.concatenate(arrays).tolist() for (hop, _), arrays in ingest.freeze({}).report.latencies.items()}

    assert told == {"anchorwatch.inference": [0.0125, 0.04]}


def test_end_to_end_and_transit_need_the_wall() -> None:
    ingest = stage(wall=True)
    take(ingest, [one(1, T0, latency_ms=10.0, requested_at_ms=T0 - 100)], polled_ms=T0 + 400)

    told = {hop: np.concatenate(arrays).tolist() for (hop, _), arrays in ingest.freeze({}).report.latencies.items()}

    assert told == {"anchorwatch.inference": [0.01], "anchorwatch.end_to_end": [0.5], "anchorwatch.transit": [0.4]}


def test_what_is_read_long_after_it_was_written_is_marked_as_replay() -> None:
    ingest = stage(wall=True)
    take(ingest, [one(1, T0, latency_ms=10.0)], polled_ms=T0 + 3_600_000)

    labels = {labels for _, labels in ingest.freeze({}).report.latencies}

    assert all(("replay", "true") in each for each in labels)


def test_spans_asked_for_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "KEPT_MAX", 10)
    ingest = stage()
    take(ingest, traffic(300, fault=Fault(traced=1.0)))

    assert len(ingest.freeze({}).report.kept) == 10
    assert report.KEPT_MAX > 10


def test_a_trace_in_the_header_serves_where_the_payload_has_none() -> None:
    ingest = stage()
    header = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    plain, own = one(1, T0), one(2, T0, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")

    ingest.take("predictions", [(e.key, e.value, i, T0) for i, e in enumerate((plain, own))], T0, [header, header])

    kept = ingest.freeze({}).report.kept
    assert [k.traceparent[3:35] for k in kept] == ["0af7651916cd43dd8448eb211c80319c", "1" * 32]


def test_a_producer_that_did_not_sample_is_not_kept() -> None:
    ingest = stage()
    take(ingest, [one(1, T0, traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-00")])

    assert ingest.freeze({}).report.kept == []
