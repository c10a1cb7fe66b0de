"""Trouble that users of neighbouring tools reported, C01 to C25, each against a control: the same run without the trouble.

Elsewhere: C13, C15, C17 (tests/engine, on a real Kafka: retention, lost offsets, codecs), C21 (tests/sinks), C07 (tests/contract: what YAML
makes of `NO`), C02's and C05's dead letters (tests/sources). Not yet: C10's registry (Avro is a later
source; here its bytes are refused by name), C20's season (`season: week` is accepted, not judged).
C23's siblings: tests/watches/test_siblings.py, tests/integration/test_siblings.py.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from tests.traffic import (
    CLOCKWORK,
    T0,
    contract_of,
    edited,
    in_order,
    learnt,
    loan_drive,
)

from anchorwatch.events import Alert, Finding, Summary
from anchorwatch.runtime.drive import Drive, Event, Heard, applied_of
from anchorwatch.stages.reference import reference_to_json

END = T0 + 12_000
Record = dict[str, Any]


def heard(events: Sequence[Event], end_ms: int = END, drive: Drive | None = None) -> Heard:
    return (drive or loan_drive()).feed(in_order(events)).end(end_ms)


def plain(findings: Sequence[Finding]) -> list[bytes]:
    return [msgspec.json.encode(msgspec.structs.replace(f, trace_ids=[])) for f in findings if f.watch != "alive"]


def world(text: str, events: Sequence[Event]) -> Drive:
    """A drive whose reference was learnt from these events."""
    contract = contract_of(text)
    return Drive([applied_of(contract, reference_to_json(learnt(contract, events)))], CLOCKWORK)


def with_features(events: Sequence[Event], **values: Any) -> list[Event]:
    def edit(record: Record) -> Record:
        record["features"].update(values)
        return record

    return edited(events, edit)


def counters(found: Heard, name: str) -> int:
    return sum(n for (instrument, _), n in found.report.counters.items() if instrument == name)


def spelt_as(record: Record, **names: str) -> Record:
    record["segments"]["region"] = names.get(record["segments"]["region"], record["segments"]["region"])
    return record


def assert_strict_json(found: Heard) -> None:
    written: list[Finding | Summary | Alert] = [*found.findings, *found.summaries, *found.alerts]
    assert written
    for each in written:
        json.loads(msgspec.json.encode(each), parse_constant=refuse)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
