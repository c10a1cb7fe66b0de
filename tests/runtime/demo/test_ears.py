"""What Anchorwatch says, as followed by the demo."""

from typing import Any

import confluent_kafka as ck
import msgspec
import pytest
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from anchorwatch.errors import TopicsMismatch
from anchorwatch.runtime.demo.ears import CHANGES_MAX, Ears, Heard, wait


def test_open_alerts_are_the_newest_states_headlines_first(evening: Any) -> None:
    heard = Heard()
    for alert in evening.alerts:
        heard.alert(alert)

    state = {alert.dedup_key: alert for alert in evening.alerts}
    assert {alert.dedup_key for alert in heard.open()} == {key for key, alert in state.items() if alert.state != "resolved"}
    assert heard.open()[0].annotations["incident_headline"] == heard.open()[0].dedup_key


def test_changes_go_on_where_they_were_left(evening: Any) -> None:
    heard = Heard()
    for alert in evening.alerts[:5]:
        heard.alert(alert)

    assert heard.changes(3) == evening.alerts[3:5]
    assert heard.changes(heard.n) == []


def test_the_oldest_changes_leave_and_the_count_goes_on(evening: Any) -> None:
    heard = Heard()
    for _ in range(CHANGES_MAX + 10):
        heard.alert(evening.alerts[0])

    assert len(heard.changes()) == CHANGES_MAX
    assert len(heard.changes(heard.n - 3)) == 3


def test_the_newest_summary_stays_when_an_older_one_comes_late(evening: Any) -> None:
    heard = Heard()
    for summary in (evening.summaries[4], evening.summaries[2]):
        heard.tell(summary)

    assert heard.judged_to_ms == evening.summaries[4].at_ms
    assert Heard().judged_to_ms == -1


def test_a_wait_gives_up_and_says_so() -> None:
    looked = []

    assert not wait(lambda: False, 0.05, lambda: looked.append(1), 0.01)
    assert looked


def written(client: dict[str, Any], prefix: str, evening: Any) -> None:
    producer = ck.Producer(client)
    for alert in evening.alerts:
        producer.produce(f"{prefix}alerts.events", msgspec.json.encode(alert))
    for message in (*evening.summaries, None):
        producer.produce(f"{prefix}findings", msgspec.json.encode(message))
    assert not producer.flush(20)


def test_everything_on_the_topics_is_heard(kafka: Any, topic_prefix: str, evening: Any) -> None:
    with AdminClient(kafka.client) as admin:
        for made in admin.create_topics([NewTopic(f"{topic_prefix}{name}", 1, 1) for name in ("alerts.events", "findings")]).values():
            made.result()
    written(kafka.client, topic_prefix, evening)
    ears = Ears(kafka.client, f"{topic_prefix}alerts.events", f"{topic_prefix}findings")
    ears.start()
    try:
        assert wait(lambda: ears.heard.n == len(evening.alerts) and ears.heard.summary is not None, 30, ears.check)
    finally:
        ears.stop()

    assert [alert.id for alert in ears.heard.changes()] == [alert.id for alert in evening.alerts]


def test_what_the_ears_died_of_is_raised_to_who_waits(kafka: Any, topic_prefix: str) -> None:
    ears = Ears(kafka.client, f"{topic_prefix}alerts.events", f"{topic_prefix}findings")
    ears.start()

    with pytest.raises(TopicsMismatch, match=r"alerts\.events"):
        wait(lambda: False, 30, ears.check)
    ears.stop()
