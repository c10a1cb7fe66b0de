"""Who is woken? Nothing is alerted that has no owner: what nobody owns goes to the fallback owner, and that is an alert of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from anchorwatch.alerting.signal import WHOLE, Signal
from anchorwatch.errors import ConfigError

STEPS_MAX = 16  # of an escalation; more is a mistake in the contract


def owner_of(declared: Mapping[str, Any] | None, fallback: str) -> dict[str, Any]:
    """`team`, `tuner`, `runbook`, `route`, `escalation`: [{to, after (ms)}] in order of time. `fallback: True` where nobody is declared.

    Raises ConfigError when there is neither an owner nor a fallback.
    """
    given = dict(declared or {})
    team = str(given.get("team") or "")
    if not team and not fallback:
        raise ConfigError("fallback_owner is empty: it receives what nobody owns; set fallback_owner in anchorwatch.yaml")
    steps = sorted((int(step.get("after") or 0), str(step["to"])) for step in given.get("escalation") or ())
    return {
        "team": team or fallback,
        "tuner": str(given.get("tuner") or ""),
        "runbook": str(given.get("runbook") or ""),
        "route": str(given.get("route") or ""),
        "escalation": [{"to": to, "after": after} for after, to in steps[:STEPS_MAX]],
        "fallback": not team,
    }


def steps_reached(owner: Mapping[str, Any], waited_ms: int) -> int:
    """How many escalation steps are due when nobody acknowledged for that long."""
    return sum(step["after"] <= waited_ms for step in owner["escalation"])


def as_told(owner: Mapping[str, Any], reached: int) -> dict[str, Any]:
    """`Alert.owner`: `route` is the newest one, `routes` all that were told so far: they hear of the end as well."""
    steps: Sequence[Mapping[str, Any]] = owner["escalation"][:reached]
    routes = list(dict.fromkeys(route for route in (owner["route"], *(step["to"] for step in steps)) if route))
    return {
        "team": owner["team"],
        "tuner": owner["tuner"],
        "route": routes[-1] if routes else "",
        "routes": routes,
        "escalation": max(reached - 1, 0),
        "fallback": owner["fallback"],
    }


def no_owner(model: str, environment: str, since_ms: int, fallback: str) -> Signal:
    """The exact finding about a model that sends predictions but has no contract, or a contract without an owner."""
    return Signal(
        watch="owner",
        subject="",
        segment=WHOLE,
        verdict="exact",
        name="NoOwner",
        severity="warning",
        harm=False,
        summary=f"Nobody owns the model {model} in {environment}: its alerts go to {fallback}.",
        description=f"Write a contract with owner.team for {model} ({environment}) and put it in force by `anchorwatch apply`.",
        since_ms=since_ms,
        onset=(since_ms, since_ms),
        outside_budget=True,
    )
