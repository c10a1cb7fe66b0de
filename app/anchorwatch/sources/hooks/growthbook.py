"""GrowthBook: `feature.updated` and `feature.deleted` of an event webhook, in its payloads JSON and raw.

An event holds the feature as it is now, and of what it was the attributes that changed. A feature is on in an environment while it is
enabled there and not archived; an environment whose former state is not told has not changed.
Source: docs.growthbook.io, Event webhooks (X-GrowthBook-Signature: HMAC-SHA256 of the body, hexadecimal); its open source for the payloads.
"""

import msgspec

from anchorwatch.events import FlagChange
from anchorwatch.sources.hooks._hook import Heard, Hook, Places, by_hex


class Setting(msgspec.Struct):
    enabled: bool | None = None


class Feature(msgspec.Struct, rename="camel"):
    id: str = ""
    archived: bool | None = None
    environments: dict[str, Setting] | None = None
    date_updated: str | int | None = None


class Data(msgspec.Struct):
    feature: Feature | None = msgspec.field(name="object", default=None)  # payload JSON
    previous_attributes: Feature | None = None
    current: Feature | None = None  # payload raw
    previous: Feature | None = None


class User(msgspec.Struct):
    email: str | None = None
    name: str | None = None
    type: str | None = None


class Other(msgspec.Struct):
    event: str


class Event(msgspec.Struct):
    event: str
    data: Data
    user: User | None = None


OTHER, DECODER = msgspec.json.Decoder(Other), msgspec.json.Decoder(Event)


def changes(body: bytes, places: Places) -> Heard:
    if OTHER.decode(body).event not in ("feature.updated", "feature.deleted"):
        return Heard(passed="no switch: an event of another name")
    told = DECODER.decode(body)
    data = told.data
    deleted = told.event == "feature.deleted"
    before = data.previous_attributes or data.previous
    now = data.feature or data.current or (data.previous if deleted else None)
    if now is None or not now.id:
        return Heard(passed="no switch: no feature in it")
    states = _deleted(now) if deleted else _switched(now, before)
    found = [
        FlagChange(
            now.id,
            state,
            changed_at_ms=None if deleted else now.date_updated,  # of its last update, not of the deletion
            actor=_actor(told.user),
            reason="deleted" if deleted else None,
            environment=places.ours(environment),
        )
        for environment, state in states.items()
    ]
    return Heard(tuple(found), "" if found else "no switch: it is on where it was on")


def _switched(now: Feature, before: Feature | None) -> dict[str, str]:
    was_archived = now.archived if before is None or before.archived is None else before.archived
    found = {}
    for environment, setting in (now.environments or {}).items():
        former = ((before and before.environments) or {}).get(environment, setting)
        was_enabled = setting.enabled if former.enabled is None else former.enabled
        was, is_on = bool(was_enabled and not was_archived), bool(setting.enabled and not now.archived)
        if was != is_on:
            found[environment] = "on" if is_on else "off"
    return found


def _deleted(last: Feature) -> dict[str, str]:
    return {name: "off" for name, setting in (last.environments or {}).items() if setting.enabled and not last.archived}


def _actor(user: User | None) -> str | None:
    return (user.email or user.name or user.type) if user else None


HOOK = Hook(by_hex("X-GrowthBook-Signature"), changes, "the shared secret of the event webhook in GrowthBook")
