"""MLflow: an alias of a registered model was set or taken away. The flag's key is `<registered model>@<alias>`, its state the version.

An alias that moves comes as `created` with its new version: the model goes on as another. Taken away it is off.
Source: mlflow.org, Webhooks; its open source (X-MLflow-Signature: `v1,` and the HMAC-SHA256 of `<delivery id>.<timestamp>.<body>` in base64).
"""

import base64
import hashlib
import hmac

import msgspec

from anchorwatch.events import FlagChange
from anchorwatch.sources.hooks._hook import Headers, Heard, Hook, Places, differs


class Alias(msgspec.Struct):
    name: str
    alias: str
    version: str | int | None = None


class Other(msgspec.Struct):
    entity: str
    action: str


class Event(msgspec.Struct):
    action: str
    data: Alias
    timestamp: str | int | None = None


OTHER, DECODER = msgspec.json.Decoder(Other), msgspec.json.Decoder(Event)


def changes(body: bytes, places: Places) -> Heard:
    kind = OTHER.decode(body)
    if kind.entity != "model_version_alias" or kind.action not in ("created", "deleted"):
        return Heard(passed="no switch: not the alias of a model")
    event = DECODER.decode(body)
    alias, version = event.data, event.data.version
    state = "off" if event.action == "deleted" else str("" if version is None else version)
    key = f"{alias.name}@{alias.alias}"
    return Heard((FlagChange(key, state, "alias", changed_at_ms=event.timestamp, environment=places.without),))


def signed(body: bytes, headers: Headers, secret: bytes) -> str:
    about = f"{headers.get('x-mlflow-delivery-id', '')}.{headers.get('x-mlflow-timestamp', '')}."
    digest = hmac.new(secret, about.encode("utf-8", "replace") + body, hashlib.sha256).digest()
    return differs("X-MLflow-Signature", headers, "v1," + base64.b64encode(digest).decode())


HOOK = Hook(signed, changes, "the webhook's secret in MLflow")
