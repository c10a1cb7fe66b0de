"""The same events give the same findings: whatever their order within the lateness, their batches, the number of ingest tasks."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.strategies import LATENESS_MS, Life, batches, cuts, events_of, lives, shuffled
from tests.traffic import LOAN, T0, Fault, contract_of, loan_applied, quiet_then

from anchorwatch.events import Applied, Finding
from anchorwatch.runtime.drive import Clockwork, Drive, Event, applied_of

CLOCKWORK = Clockwork(window_ms=1_000, lateness_ms=LATENESS_MS, summary_ms=1_000, recent_ms=600_000)
END = T0 + 30_000


@cache
def promised() -> Applied:
    """Without a reference: segments that are always listed, promises, exact rules."""
    text = LOAN.replace("by: [region, tier]", "by: [region, tier], always: [region=eu, region=af]")
    quality = "{metric: error, at_most: 0.2, in_every_segment: true}"
    promises = f"{{latency: {{inference_p99: 80ms}}, alive: {{silent_after: 5s}}, quality: {quality}}}"
    return applied_of(contract_of(text, promises=promises))


def plain(findings: Sequence[Finding]) -> list[bytes]:
    """As bytes, but for what may differ: which traces were kept."""
    return [msgspec.json.encode(msgspec.structs.replace(finding, trace_ids=[])) for finding in findings]


def heard(arrival: Sequence[Sequence[Event]], tasks: int, applied: Applied, end: int = END) -> tuple[list[bytes], dict[str, Any]]:
    """Findings, and totals per segment: predictions, labelled, wrong."""
    drive = Drive([applied], replace(CLOCKWORK, tasks=tasks))
    for batch in arrival:
        drive.feed(batch)
    found = drive.end(end)
    return plain(found.findings), totals(drive)


def totals(drive: Drive) -> dict[str, Any]:
    model = drive.judge.models.get("prod/loan")
    if model is None:
        return {}
    cells = model.recent.confusions()
    assert cells is not None, "the loan model has classes"
    counters: dict[str, int] = {}
    for (name, labels), n in drive.heard.report.counters.items():
        result = dict(labels).get("result", "")
        if name in ("anchorwatch.predictions", "anchorwatch.outcomes") and result in ("", "joined", "missing", "unmatched"):
            counters[name + result] = counters.get(name + result, 0) + n
    return {"volume": model.recent.volume().tolist(), "cells": cells.tolist(), "counters": counters}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives(), st.integers(0, 1_000), cuts(), st.integers(1, 5))
def test_any_order_any_batches_and_any_number_of_tasks_give_the_same(story: list[Life], seed: int, places: list[int], tasks: int) -> None:
    events = events_of(story)

    assert heard(batches(shuffled(events, seed), places), tasks, promised()) == heard([events], 1, promised())


@pytest.mark.parametrize(
    "fault",
    [
        Fault(wrong={"af": 0.5, "eu": 0.3}, duplicates=0.1, late=0.1, revised=0.1),
        Fault(rename={"amount": "Amount_EUR"}),
        Fault(retyped={"amount": "J/Y="}, drop={"age": 0.3}),
        Fault(slow={"asia": 4.0}, failed=0.02, extra={"colour": "red"}),
    ],
    ids=["wrong", "renamed", "retyped", "slow"],
)
def test_a_fault_is_found_alike_in_any_order_by_any_number_of_tasks(fault: Fault) -> None:
    """With a reference: histograms, categories, exact rules of fields."""
    events, _, end = quiet_then(1_500, fault, quiet=1_500)
    once = heard([events], 1, loan_applied(), end + 10_000)

    assert once[0]
    assert heard(batches(shuffled(events, 3), range(0, len(events), 333)), 3, loan_applied(), end + 10_000) == once
