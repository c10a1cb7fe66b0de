"""Unleash: an event as its webhook integration sends it when no body template is set. It may come twice and out of order.

Unleash signs nothing: the integration's `Authorization` must hold the secret, and the way to us must be TLS.
Source: docs.getunleash.io, Webhook integration and event types (feature-environment-enabled, -disabled, feature-archived).
"""

import msgspec

from anchorwatch.events import FlagChange
from anchorwatch.sources.hooks._hook import Heard, Hook, Places, by_word


class Event(msgspec.Struct, rename="camel"):
    type: str
    created_at: str | int | None = None
    created_by: str | None = None
    environment: str | None = None
    feature_name: str | None = None


DECODER = msgspec.json.Decoder(Event)
STATES = {"feature-environment-enabled": "on", "feature-environment-disabled": "off", "feature-archived": "off"}


def changes(body: bytes, places: Places) -> Heard:
    event = DECODER.decode(body)
    state = STATES.get(event.type)
    if state is None or not event.feature_name:
        return Heard(passed="no switch: an event of another type")
    archived = event.type == "feature-archived"  # in all environments; the event names none
    where = places.all() if archived else [places.ours(event.environment)]
    reason = "archived" if archived else None
    told = [
        FlagChange(event.feature_name, state, changed_at_ms=event.created_at, actor=event.created_by, reason=reason, environment=each)
        for each in where
    ]
    return Heard(tuple(told))


HOOK = Hook(by_word("Authorization"), changes, "the Authorization of the webhook integration in Unleash")
