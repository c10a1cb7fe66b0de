"""FeatBit: what its payload template makes of an event. The README has the template that this file reads.

Source: docs.featbit.co, Webhooks; its open source (X-FeatBit-Signature-256: `sha256=` and the HMAC-SHA256 of the body in hexadecimal; the
fields of the data object, of which `isEnabled` is the text true or false).
"""

import msgspec

from anchorwatch.events import FlagChange
from anchorwatch.sources.hooks._hook import Heard, Hook, Places, by_hex


class Flag(msgspec.Struct, rename="camel"):
    key: str = ""
    is_enabled: bool | str | None = None


class Data(msgspec.Struct):
    kind: str
    flag: Flag = msgspec.field(name="object")


class Named(msgspec.Struct):
    name: str


class Event(msgspec.Struct, rename="camel"):
    events: str  # with commas between
    data: Data
    environment: Named | None = None
    happened_at: str | int | None = None
    operator: str | None = None


DECODER = msgspec.json.Decoder(Event)
TOGGLED, GONE = {"feature_flag.toggled", "feature_flag.restored"}, {"feature_flag.archived", "feature_flag.deleted"}


def changes(body: bytes, places: Places) -> Heard:
    event = DECODER.decode(body)
    flag, names = event.data.flag, {name.strip() for name in event.events.split(",")}
    if event.data.kind != "feature flag" or not flag.key or not names & (TOGGLED | GONE):
        return Heard(passed="no switch: other events than toggled, archived, restored and deleted")
    gone = sorted(name.partition(".")[2] for name in names & GONE)
    change = FlagChange(
        flag.key,
        "on" if flag.is_enabled in (True, "true") and not gone else "off",
        changed_at_ms=event.happened_at,
        actor=event.operator,
        reason=gone[0] if gone else None,
        environment=places.ours(event.environment.name if event.environment else None),
    )
    return Heard((change,))


HOOK = Hook(by_hex("X-FeatBit-Signature-256", "sha256="), changes, "the webhook's secret in FeatBit")
