"""What goes to Kafka for a change of an alert: CloudEvents in binary mode, JSON value, a traceparent of its own (interfaces.md 4)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from anchorwatch import trace
from anchorwatch.alerting.words import rfc3339
from anchorwatch.events import Alert, Record, Severity

EVENTS, STATE = "alerts.events", "alerts.state"
SEVERITY_NUMBER: Mapping[Severity, int] = {"critical": 17, "warning": 13, "info": 9}  # OpenTelemetry's ERROR, WARN, INFO


def alert_records(alerts: Sequence[Alert], topics: Mapping[str, str], gone: Iterable[str] = ()) -> list[Record]:
    """Each change to the log (key `<env>/<model>`), the last one of each alert to the compacted topic (key: dedup key).

    topics: `alerts.events` and `alerts.state` -> real names. gone: `ModelAlerts.gone()`, tombstones. Partitions: by murmur2 of the key.
    """
    records: list[Record] = []
    last: dict[str, tuple[bytes | None, tuple[tuple[str, bytes], ...]]] = {key: (None, _tombstone(key)) for key in gone}
    for alert in alerts:
        value, headers = msgspec.json.encode(alert), headers_of(alert)
        owner = f"{alert.labels['environment']}/{alert.labels['model']}"
        records.append(Record(topics[EVENTS], -1, owner.encode(), value, headers))
        last[alert.dedup_key] = (value, headers)
    return records + [Record(topics[STATE], -1, key.encode(), value, headers) for key, (value, headers) in last.items()]


def headers_of(alert: Alert) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents attributes with the prefix `ce_`, as the Kafka binding wants them, and the trace of this change."""
    severity: Severity = alert.labels["severity"]  # type: ignore[assignment]
    fields = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_type": f"anchorwatch.alert.{alert.state}",
        "ce_id": f"{alert.id}/{alert.sequence}",
        "ce_source": f"/anchorwatch/{'/'.join(alert.dedup_key.split('/')[:2])}",
        "ce_subject": alert.dedup_key,
        "ce_time": rfc3339(alert.at_ms),
        "ce_severitytext": severity,
        "ce_severitynumber": str(SEVERITY_NUMBER[severity]),
        "ce_correlationid": alert.incident,
        "traceparent": trace.format(trace.alert_context(alert.id, alert.sequence)),
    }
    return tuple((name, value.encode()) for name, value in fields.items())


def _tombstone(key: str) -> tuple[tuple[str, bytes], ...]:
    fields = {"ce_specversion": "1.0", "ce_type": "anchorwatch.alert.forgotten", "ce_subject": key}
    return tuple((name, value.encode()) for name, value in fields.items())
