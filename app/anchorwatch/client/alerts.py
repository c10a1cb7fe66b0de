"""Following alerts: each change once, committed when it was dealt with."""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from anchorwatch.client.outbox import PROOF, is_locked_out, reason
from anchorwatch.errors import UNREADABLE, OperatorError
from anchorwatch.events import Alert

SEEN_MAX = 10_000  # changes of alerts remembered to drop repeated ones

_log = logging.getLogger("anchorwatch.client")


def follow_alerts(
    bootstrap: str,
    group: str,
    owner: str | None = None,
    model: str | None = None,
    *,
    prefix: str = "anchorwatch.",
    kafka: Mapping[str, Any] | None = None,
    beginning: bool = False,
    idle_s: float | None = None,
) -> Iterator[Alert]:
    """Each change of each alert, once; of one owner or model if named. Ends never, or after so many seconds without a record (`idle_s`).

    At least once over restarts: a change is committed when the caller comes back for the next one, so what it was busy with when it ended
    comes again. Within a run repeated changes are dropped, by (id, sequence), the newest SEEN_MAX remembered. A new group starts with what
    comes from now on, or at the `beginning`. A caller busy for over 5 min (`max.poll.interval.ms`) loses its
    place and gets the change anew.
    Raises OperatorError when the topic is missing or may not be read, and when Kafka refuses the password or a certificate.
    """
    topic = f"{prefix}alerts.events"
    fixed = {"bootstrap.servers": bootstrap, "group.id": group, "isolation.level": "read_committed", "enable.auto.commit": False}
    locked_out: list[KafkaError] = []  # such errors come to no call, only here
    settings = {"auto.offset.reset": "earliest" if beginning else "latest", "error_cb": locked_out.append, **(kafka or {}), **fixed}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    seen: OrderedDict[tuple[str, int], None] = OrderedDict()
    try:
        for message in _messages(consumer, topic, idle_s, locked_out):
            alert = _alert(message)
            if alert is not None and (alert.id, alert.sequence) not in seen:
                if _concerns(alert, owner, model):
                    yield alert
                seen[alert.id, alert.sequence] = None
                if len(seen) > SEEN_MAX:
                    seen.popitem(last=False)
            _commit(consumer, message)
    finally:
        consumer.close()


def _messages(consumer: Consumer, topic: str, idle_s: float | None, troubles: list[KafkaError]) -> Iterator[Message]:
    last = time.monotonic()
    while idle_s is None or time.monotonic() - last < idle_s:
        message = consumer.poll(1.0 if idle_s is None else min(1.0, idle_s))
        while troubles:
            if is_locked_out(trouble := troubles.pop()):
                raise OperatorError(f"cannot follow {topic}: {trouble.str()}; {PROOF}")
        if message is None:
            continue
        error = message.error()
        if error is None:
            last = time.monotonic()
            yield message
            last = time.monotonic()
        elif error.code() in _HOPELESS or error.fatal():
            raise OperatorError(
                f"cannot follow {topic}: {error.str()}; create it by `anchorwatch topics create`, or grant the right to read it"
            )
        else:
            _log.info("following %s: %s", topic, error.str())  # librdkafka goes on by itself


_HOPELESS = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError._AUTHENTICATION,
    }
)


def _alert(message: Message) -> Alert | None:
    value = message.value()
    try:
        return None if value is None else msgspec.json.decode(value, type=Alert)
    except UNREADABLE as error:
        _log.warning("%s-%s@%s is no alert: %s", message.topic(), message.partition(), message.offset(), error)
        return None


def _concerns(alert: Alert, owner: str | None, model: str | None) -> bool:
    owners = {alert.labels.get("owner"), alert.owner.get("team")}
    return (owner is None or owner in owners) and (model is None or alert.labels.get("model") == model)


def _commit(consumer: Consumer, message: Message) -> None:
    try:
        consumer.commit(message=message, asynchronous=False)
    except KafkaException as error:  # the partition went to another member: it comes again there
        _log.info("not committed: %s", reason(error))
