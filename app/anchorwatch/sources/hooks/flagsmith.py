"""Flagsmith: `FLAG_UPDATED` and `FLAG_DELETED` of an environment's webhook.

An override for a segment or an identity is no switch. Environments with its newer feature versioning send events of other names.
Source: docs.flagsmith.com, Environment webhooks; its open source (X-Flagsmith-Signature: HMAC-SHA256 of the body, hexadecimal).
"""

from typing import Any

import msgspec

from anchorwatch.events import FlagChange
from anchorwatch.sources.hooks._hook import Heard, Hook, Places, by_hex


class Named(msgspec.Struct):
    name: str


class State(msgspec.Struct):
    enabled: bool
    feature: Named
    environment: Named | None = None
    feature_segment: Any = None
    identity: Any = None
    identity_identifier: Any = None

    @property
    def is_override(self) -> bool:
        return self.feature_segment is not None or self.identity is not None or self.identity_identifier is not None


class Data(msgspec.Struct):
    new_state: State | None = None
    previous_state: State | None = None
    timestamp: str | int | None = None
    changed_by: str | None = None


class Other(msgspec.Struct):
    event_type: str


class Event(msgspec.Struct):
    event_type: str
    data: Data


OTHER, DECODER = msgspec.json.Decoder(Other), msgspec.json.Decoder(Event)


def changes(body: bytes, places: Places) -> Heard:
    if OTHER.decode(body).event_type not in ("FLAG_UPDATED", "FLAG_DELETED"):
        return Heard(passed="no switch: an event of another type")
    event = DECODER.decode(body)
    data = event.data
    deleted = event.event_type == "FLAG_DELETED"
    told = data.new_state or data.previous_state
    if told is None:
        return Heard(passed="no switch: no state in it")
    if told.is_override:
        return Heard(passed="no switch: an override for a segment or an identity")
    before = data.previous_state
    state = "on" if told.enabled and not deleted else "off"
    if before is not None and before.enabled == (state == "on"):
        return Heard(passed="no switch: another value of a flag that stays as it was")
    change = FlagChange(
        told.feature.name,
        state,
        changed_at_ms=data.timestamp,
        actor=data.changed_by,
        reason="deleted" if deleted else None,
        environment=places.ours(told.environment.name if told.environment else None),
    )
    return Heard((change,))


HOOK = Hook(by_hex("X-Flagsmith-Signature"), changes, "the webhook's secret in Flagsmith")
