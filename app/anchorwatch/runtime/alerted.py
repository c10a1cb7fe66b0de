"""When was some harm of a model open? Days under an open alert are not normal and never enter a reference."""

import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from anchorwatch.alerting.budget import SHARES_HARM
from anchorwatch.config import Settings
from anchorwatch.engine.tail import tail
from anchorwatch.errors import UNREADABLE, TopicsMismatch
from anchorwatch.events import Alert
from anchorwatch.sources.native.times import instant
from anchorwatch.watches.spans import Spans, inside, merged

if TYPE_CHECKING:
    from anchorwatch.runtime.drive import Event

END_MS = 2**53  # of what is open still


def alerted(settings: Settings, models: Collection[str], since_ms: int) -> dict[str, Spans]:
    """`<environment>/<model>` -> [from, to) since then, of harm alone, also of what began before. Raises Unreachable."""
    changes: list[Alert] = []
    whole: Literal["beginning"] = "beginning"
    for name, since in (("alerts.events", since_ms), ("alerts.state", whole)):
        try:
            read = tail(settings.kafka, [settings.topic(name)], since=since, until_end=True)
            changes += [alert for told in read if told.value is not None and (alert := _harm(told.value)) is not None]
        except TopicsMismatch:
            continue  # not made yet: nothing was ever told
    return {key: spans(alert for alert in changes if f"{alert.labels['environment']}/{alert.labels['model']}" == key) for key in models}


def _harm(value: bytes) -> Alert | None:
    try:
        alert = msgspec.json.decode(value, type=Alert)
    except UNREADABLE:
        return None  # nobody of ours wrote it
    return alert if alert.labels.get("watch") in SHARES_HARM and alert.labels.get("severity") != "info" else None


def spans(changes: Iterable[Alert]) -> Spans:
    """Of one model's alerts, each told from its change point until it was resolved, however often."""
    found: list[tuple[int, int]] = []
    begun: dict[str, int] = {}
    for alert in sorted(changes, key=lambda a: (a.id, a.sequence)):
        start = instant(alert.startsAt)
        begin = begun.get(alert.id, start if isinstance(start, int) else alert.opened_at_ms)
        if alert.state != "resolved":
            begun[alert.id] = begin
            continue
        found.append((begin, alert.at_ms))
        begun.pop(alert.id, None)
    return merged([*found, *((begin, END_MS) for begin in begun.values())])


def under(events: "Iterable[Event]", spans: Spans) -> int:
    """How many predictions lie in these times."""
    return int(inside(np.array([event.at_ms for event in events if event.role == "predictions"], np.int64), spans).sum())


def words(events: "Iterable[Event]", left_out: Spans) -> str:
    """How much is left out; "": nothing."""
    n = under(events, left_out)
    if not n:
        return ""
    last = max(b for _, b in left_out)
    until = (
        "an alert that is open still"
        if last >= END_MS
        else f"alerts, the last until {time.strftime('%Y-%m-%d %H:%M', time.gmtime(last / 1000))} UTC"
    )
    return f"; without {n:,} predictions under {until}"
