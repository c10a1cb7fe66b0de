"""What goes to Kafka for a change of an alert."""

import json
from collections.abc import Callable

from anchorwatch import trace
from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.records import alert_records
from anchorwatch.alerting.signal import Signal

T0 = 1_795_338_720_000
WINDOW = (T0 + 30_000, T0 + 40_000)
TOPICS = {"alerts.events": "aw.alerts.events", "alerts.state": "aw.alerts.state"}


def test_each_change_goes_to_the_log_and_the_last_one_to_the_state(fraud: ModelAlerts, signal: Callable[..., Signal]) -> None:
    alerts = fraud.window(WINDOW, [signal(verdict="warning", severity="warning")], {}, 0)
    alerts += fraud.window((WINDOW[1], WINDOW[1] + 10_000), [signal()], {}, 0)
    records = alert_records(alerts, TOPICS)

    assert [(record.topic, record.partition, record.key) for record in records] == [
        ("aw.alerts.events", -1, b"prod/fraud"),
        ("aw.alerts.events", -1, b"prod/fraud"),
        ("aw.alerts.state", -1, b"prod/fraud/quality:f1/whole"),
    ]
    assert json.loads(records[-1].value or b"")["sequence"] == 2


def test_headers_are_cloudevents_in_binary_mode_with_a_trace_of_their_own(fraud: ModelAlerts, signal: Callable[..., Signal]) -> None:
    alert = fraud.window(WINDOW, [signal()], {}, 0)[0]
    headers = dict(alert_records([alert], TOPICS)[0].headers)

    assert headers == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_type": b"anchorwatch.alert.firing",
        "ce_id": f"{alert.id}/1".encode(),
        "ce_source": b"/anchorwatch/prod/fraud",
        "ce_subject": b"prod/fraud/quality:f1/whole",
        "ce_time": b"2026-11-22T09:12:40Z",
        "ce_severitytext": b"critical",
        "ce_severitynumber": b"17",
        "ce_correlationid": alert.incident.encode(),
        "traceparent": trace.format(trace.alert_context(alert.id, 1)).encode(),
    }


def test_what_is_forgotten_leaves_a_tombstone_in_the_state_only() -> None:
    records = alert_records([], TOPICS, gone=["prod/fraud/quality:f1/whole"])

    assert [(record.topic, record.key, record.value) for record in records] == [("aw.alerts.state", b"prod/fraud/quality:f1/whole", None)]


def test_a_key_that_fires_again_in_the_same_cut_is_not_buried(fraud: ModelAlerts, signal: Callable[..., Signal]) -> None:
    records = alert_records(fraud.window(WINDOW, [signal()], {}, 0), TOPICS, gone=["prod/fraud/quality:f1/whole"])

    assert [record.value is None for record in records] == [False, False]
