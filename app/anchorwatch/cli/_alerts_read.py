"""What the commands about alerts share: their options, and reading `alerts.state` once."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.events import Alert

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs, one alert a line.")]


def state(settings: "Settings") -> list["Alert"]:
    """The last state of each alert, the newest change last."""
    from anchorwatch.engine.tail import tail as read

    held: dict[bytes, Alert] = {}
    foreign = 0
    for told in read(settings.kafka, [settings.topic("alerts.state")], since="beginning", until_end=True):
        key = told.key or b""
        held.pop(key, None)
        if told.value is None:
            continue
        if alert := alert_of(told.value):
            held[key] = alert
        else:
            foreign += 1
    left_out(foreign, settings.topic("alerts.state"))
    return list(held.values())


def alert_of(value: bytes) -> "Alert | None":
    """None for what another program wrote there: it must not hide our alerts."""
    import msgspec

    from anchorwatch.errors import UNREADABLE
    from anchorwatch.events import Alert

    try:
        return msgspec.json.decode(value, type=Alert)
    except UNREADABLE:
        return None


def left_out(foreign: int, topic: str) -> None:
    """One word for all of them: what somebody else writes there must not hide our alerts."""
    if foreign:
        sys.stderr.write(f"{foreign} record{'s' * (foreign > 1)} on {topic} {'are' if foreign > 1 else 'is'} no alert of ours, left out\n")


def matching(alerts: list["Alert"], target: str) -> list["Alert"]:
    """Alerts that a target names, exactly or by the beginning of one id. Raises ConfigError with what there is."""
    from anchorwatch.errors import ConfigError

    named = [alert for alert in alerts if target in names(alert)]
    if named:
        return named
    begun = [alert for alert in alerts if len(target) >= 4 and alert.id.startswith(target)]
    if len(begun) == 1:
        return begun
    if begun:
        raise ConfigError(f"{target}: {len(begun)} alerts begin so: {', '.join(alert.id for alert in begun[:5])}; write more of it")
    some = ", ".join(alert.id for alert in alerts[-5:]) or "none at all"
    raise ConfigError(f"{target}: no alert, incident or model of that name; known ids: {some}; see `anchorwatch alerts ls --all`")


def names(alert: "Alert") -> tuple[str, ...]:
    return alert.id, alert.dedup_key, alert.incident, f"{alert.labels['environment']}/{alert.labels['model']}"
