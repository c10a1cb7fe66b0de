"""LaunchDarkly: an entry of its audit log. Entries come out of order; `date` says when it was.

A switch is the action `updateOn`; the new state is that of `currentVersion`. A flag that is deleted is off. Anything else (rules, targets,
default variation) leaves the switch as it was.
Source: launchdarkly.com/docs, Webhooks (X-LD-Signature: HMAC-SHA256 of the body, hexadecimal) and the audit log's entry.
"""

import re

import msgspec

from anchorwatch.events import FlagChange
from anchorwatch.sources.hooks._hook import Heard, Hook, Places, by_hex

RESOURCE = re.compile(r"proj/[^:]*:env/([^:;*]+)[^:]*:flag/([^:;*]+)")  # behind `;` stand tags


class Access(msgspec.Struct):
    action: str = ""
    resource: str = ""


class Environment(msgspec.Struct):
    on: bool | None = None


class Version(msgspec.Struct):
    environments: dict[str, Environment] = {}


class Member(msgspec.Struct):
    email: str | None = None


class Token(msgspec.Struct):
    name: str | None = None


class Entry(msgspec.Struct, rename="camel"):
    kind: str
    date: int | str | None = None
    accesses: list[Access] = []
    current_version: Version | None = None
    title_verb: str | None = None
    comment: str | None = None
    member: Member | None = None
    token: Token | None = None


DECODER = msgspec.json.Decoder(Entry)
VERBS = {"turned on the flag": "on", "turned off the flag": "off"}  # where an entry carries no version


def changes(body: bytes, places: Places) -> Heard:
    entry = DECODER.decode(body)
    if entry.kind != "flag":
        return Heard(passed="an entry of another kind than flag")
    found = {}
    for access in entry.accesses:
        if (at := RESOURCE.match(access.resource)) and (state := _state(entry, access.action, at[1])):
            found[at[1], at[2]] = FlagChange(
                at[2],
                state,
                changed_at_ms=entry.date,
                actor=_actor(entry),
                reason=entry.comment or None,
                environment=places.ours(at[1]),
            )
    return Heard(tuple(found.values()), "" if found else "no switch: its actions change neither on nor off")


def _state(entry: Entry, action: str, environment: str) -> str | None:
    if action == "deleteFlag":
        return "off"
    if action != "updateOn":
        return None
    known = entry.current_version and entry.current_version.environments.get(environment)
    if known and known.on is not None:
        return "on" if known.on else "off"
    return VERBS.get(entry.title_verb or "")


def _actor(entry: Entry) -> str | None:
    return (entry.member and entry.member.email) or (entry.token and entry.token.name) or None


HOOK = Hook(by_hex("X-LD-Signature"), changes, "the webhook's secret in LaunchDarkly")
