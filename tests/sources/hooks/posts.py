"""What each provider posts when ann switches `loan-on` off in production at T0, and how it signs: the sender's side, written apart from ours."""

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.traffic import T0

SECRET = "kestrel over the bay"
AT = "2027-01-15T08:00:00.000Z"  # T0
FEATURE = {"id": "loan-on", "archived": False, "dateUpdated": AT, "valueType": "boolean"}
FEATBIT = {"id": "0f", "name": "Loan", "key": "loan-on", "variationType": "boolean", "isEnabled": "false", "isArchived": "false"}


def switched(environment: str, on: bool) -> dict[str, Any]:
    """GrowthBook's environments: one of them, and a second that never changes."""
    return {environment: {"enabled": on, "rules": [], "defaultValue": "true"}, "dev": {"enabled": True, "rules": []}}


def launchdarkly(state: str = "off", at_ms: int = T0, environment: str = "production", **more: Any) -> dict[str, Any]:
    version = {"key": "loan-on", "environments": {environment: {"on": state == "on", "targets": []}, "test": {"on": True}}}
    return {
        "_id": "66f1", "date": at_ms, "kind": "flag", "name": "Loan", "titleVerb": f"turned {state} the flag", "comment": "latency",
        "accesses": [{"action": "updateOn", "resource": f"proj/default:env/{environment};critical:flag/loan-on;loans,risk"}],
        "member": {"email": "ann@example.org", "firstName": "Ann"}, "currentVersion": version,
    } | more  # fmt: skip


def flagsmith(enabled: bool = False, before: bool | None = True, event: str = "FLAG_UPDATED", **more: Any) -> dict[str, Any]:
    def state(on: bool) -> dict[str, Any]:
        feature = {"id": 7, "name": "loan-on", "type": "STANDARD", "project": {"id": 12, "name": "Loans"}}
        return {"enabled": on, "environment": {"id": 23, "name": "Production"}, "feature": feature, "feature_segment": None} | more

    data = {"changed_by": "ann@example.org", "timestamp": AT.replace(".000", ".000295"), "new_state": state(enabled)}
    return {"event_type": event, "data": data | ({"previous_state": state(before)} if before is not None else {})}


EVENTS: dict[str, dict[str, Any]] = {
    "launchdarkly": launchdarkly(),
    "unleash": {
        "id": 841, "type": "feature-environment-disabled", "createdBy": "ann@example.org", "createdAt": AT, "data": None, "preData": None,
        "tags": [], "featureName": "loan-on", "project": "loans", "environment": "production",
    },
    "growthbook": {
        "event": "feature.updated", "object": "feature", "api_version": "2024-07-31", "created": T0,
        "data": {
            "object": {**FEATURE, "environments": switched("production", False)},
            "previous_attributes": {"environments": switched("production", True), "dateUpdated": "2027-01-01T00:00:00Z"},
        },
        "user": {"type": "dashboard", "id": "u", "email": "ann@example.org", "name": "Ann"}, "environments": ["production"],
    },
    "flagsmith": flagsmith(),
    "featbit": {
        "events": "feature_flag.toggled", "operator": "ann@example.org", "happenedAt": AT.replace("000Z", "0001234Z"),
        "environment": {"id": "1e", "name": "Production"}, "data": {"kind": "feature flag", "object": FEATBIT},
    },
    "mlflow": {
        "entity": "model_version_alias", "action": "deleted", "timestamp": "2027-01-15T08:00:00.000123+00:00",
        "data": {"name": "loan", "alias": "champion"},
    },
    "generic": {"key": "loan-on", "state": "off", "changed_at_ms": T0, "actor": "ann@example.org", "reason": "latency"},
}  # fmt: skip
BODIES = {name: json.dumps(event).encode() for name, event in EVENTS.items()}


def hexadecimal(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed(name: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The headers of one delivery."""
    told = {
        "launchdarkly": {"X-LD-Signature": hexadecimal(body, secret)},
        "unleash": {"Authorization": secret},
        "growthbook": {"X-GrowthBook-Signature": hexadecimal(body, secret)},
        "flagsmith": {"X-Flagsmith-Signature": hexadecimal(body, secret)},
        "featbit": {"X-FeatBit-Event": "feature_flag.toggled", "X-FeatBit-Signature-256": "sha256=" + hexadecimal(body, secret)},
        "mlflow": {"X-MLflow-Delivery-Id": "5f-1", "X-MLflow-Timestamp": str(T0 // 1000)},
        "generic": {"X-Anchorwatch-Signature": "sha256=" + hexadecimal(body, secret)},
    }[name]
    if name == "mlflow":
        digest = hmac.new(secret.encode(), f"5f-1.{T0 // 1000}.".encode() + body, hashlib.sha256).digest()
        told = told | {"X-MLflow-Signature": "v1," + base64.b64encode(digest).decode()}
    return {"Content-Type": "application/json", **told}
