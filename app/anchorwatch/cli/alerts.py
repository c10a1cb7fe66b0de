"""List, follow and show alerts; acknowledge, silence, resolve and accept them."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.events import Alert

from anchorwatch.cli._alerts_read import AsJson, alert_of, left_out, matching, names, state
from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of

app = typer.Typer()

Target = Annotated[
    str, typer.Argument(help="An alert's id (or its beginning) or key, an incident, or a model as prod/fraud.", metavar="TARGET")
]
Actor = Annotated[str | None, typer.Option(envvar="ANCHORWATCH_ACTOR", help="Who says so; else your login name.")]
Reason = Annotated[str, typer.Option(help="Why, in a few words: others will read it.")]


@app.callback()
def _alerts() -> None:
    """Work with alerts."""


@app.command("ls")
def ls(
    model: Annotated[str | None, typer.Option(help="Only this model, as fraud or prod/fraud.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those resolved in the last 7 days as well.")] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """What is wrong now, and what is news, a row per incident. Leaves with 1 when a warning or a page is open, else with 0."""
    from anchorwatch.cli import _alerts_shown as shown

    alerts = [
        alert for alert in state(settings_of(settings, bootstrap)) if _concerns(alert, model) and (every or alert.state != "resolved")
    ]
    if as_json:
        for alert in alerts:
            shown.json_line(alert)
    else:
        shown.table(alerts, time.time() * 1_000)
    if any(alert.state != "resolved" and alert.labels["severity"] != "info" for alert in alerts):  # news may stay open for good
        raise typer.Exit(1)


@app.command("tail")
def tail(
    since: Annotated[str, typer.Option(help="How far back to begin, as 2h or 1d, or `beginning`; else only what comes.")] = "",
    follow: Annotated[bool, typer.Option(help="Wait for more; stop with Ctrl-C.")] = True,
    model: Annotated[str | None, typer.Option(help="Only this model, as fraud or prod/fraud.")] = None,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Every change of every alert as it happens, a line each."""
    from anchorwatch.cli import _alerts_shown as shown

    begin: Any = since or "end"
    if begin not in ("beginning", "end"):
        begin = int(time.time() * 1_000) - _milliseconds("--since", since)
    for alert in _changes(settings_of(settings, bootstrap), begin, until_end=not follow):
        if _concerns(alert, model):
            (shown.json_line if as_json else shown.line)(alert)


@app.command("show")
def show(
    target: Annotated[str, typer.Argument(help="An alert's id (or its beginning) or key.", metavar="ID")],
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """All that is known of one alert: words, numbers, cause, what to look at, and its history."""
    from anchorwatch.cli import _alerts_shown as shown

    chosen = settings_of(settings, bootstrap)
    alerts = state(chosen)
    alert = matching(alerts, target)[0]
    if as_json:
        shown.json_line(alert)
        return
    since = max(alert.opened_at_ms - 3_600_000, 0)
    history = [change for change in _changes(chosen, since, until_end=True) if change.id == alert.id]
    shown.details(alert, [other for other in alerts if other.incident == alert.incident and other.id != alert.id], history)


@app.command("ack")
def ack(
    target: Target,
    reason: Reason = "looking at it",
    actor: Actor = None,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Say that you look after it: nobody else is woken."""
    _order("ack", target, reason, actor, settings_of(settings, bootstrap), as_json=as_json)


@app.command("silence")
def silence(
    target: Target,
    until: Annotated[
        str, typer.Option(help="For how long, as 2h or 1d, or until when, as 2026-11-23T08:00:00+01:00; `now` ends a silence.")
    ],
    reason: Reason = "",
    actor: Actor = None,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """No sound until then; evaluation goes on, and what still fires afterwards is told."""
    _order("silence", target, reason, actor, settings_of(settings, bootstrap), until_ms=_until(until), as_json=as_json)


@app.command("resolve")
def resolve(
    target: Target,
    reason: Reason = "",
    actor: Actor = None,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Say that it is over. New evidence opens it again; what was seen already does not."""
    _order("resolve", target, reason, actor, settings_of(settings, bootstrap), as_json=as_json)


@app.command("accept")
def accept(
    target: Annotated[str, typer.Argument(help="An alert's id (or its beginning) or key, or an incident.", metavar="ALERT")],
    reason: Reason = "",
    actor: Actor = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be normal; write nothing.")] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Say that this is normal now: what came since the change is the reference of these monitors alone, and the alert ends.

    The line of a promise is never moved. Takes effect at the first window from now on; `apply --relearn` learns all anew.
    """
    from anchorwatch.cli import _accepted as accepted
    from anchorwatch.cli._written import login
    from anchorwatch.errors import ConfigError

    if not reason.strip():
        raise ConfigError('accept needs a reason, for those who come after you: --reason "new product since May, checked"')
    chosen = settings_of(settings, bootstrap)
    named = matching([alert for alert in state(chosen) if alert.state != "resolved"], target)
    said = {"reason": reason.strip(), "actor": actor or login()}
    accepted.tell(accepted.accept(chosen, named, target, said, dry_run=dry_run), dry_run=dry_run, as_json=as_json)


# --- reading --------------------------------------------------------------------------------------------------------------------


def _changes(settings: "Settings", since: Any, *, until_end: bool) -> Iterator["Alert"]:
    from anchorwatch.engine.tail import tail as read

    foreign, topic = 0, settings.topic("alerts.events")
    for told in read(settings.kafka, [topic], since=since, until_end=until_end):
        if told.value is None:
            continue
        if alert := alert_of(told.value):
            yield alert
        else:
            foreign += 1
            if foreign == 1 and not until_end:
                left_out(1, topic)  # who follows hears of the first one alone
    if until_end:
        left_out(foreign, topic)


def _concerns(alert: "Alert", model: str | None) -> bool:
    name = alert.labels["model"]
    return model is None or model in (name, f"{alert.labels['environment']}/{name}")


# --- writing --------------------------------------------------------------------------------------------------------------------


def _order(
    verb: Any, target: str, reason: str, actor: str | None, settings: "Settings", *, until_ms: int | None = None, as_json: bool = False
) -> None:
    """Write one command. Nothing is written for a target that does not exist; a model may be silenced before anything fires."""
    from anchorwatch.cli._written import login, write
    from anchorwatch.errors import ConfigError
    from anchorwatch.events import Command

    if not reason.strip():
        raise ConfigError(f'{verb} needs a reason, for those who come after you: --reason "deploy of version 5 under way"')
    alerts = [alert for alert in state(settings) if alert.state != "resolved"]
    before_it_fires = verb == "silence" and target.count("/") in (1, 3) and not any(target in names(alert) for alert in alerts)
    if before_it_fires:
        _known(settings, target, alerts)
    named = [] if before_it_fires else matching(alerts, target)
    exact = target if before_it_fires or target in names(named[0]) else named[0].id
    order = Command(verb, exact, actor or login(), reason.strip(), int(time.time() * 1_000), until_ms)
    from anchorwatch.cli import _alerts_shown as shown

    write(settings, "commands", f"{order.verb}/{order.target}", order)

    shown.ordered(order, named, as_json=as_json)


def _known(settings: "Settings", target: str, alerts: "list[Alert]") -> None:
    """Raises ConfigError for a model that nobody knows: the silence would hush nothing, and nobody would notice."""
    from urllib.parse import unquote

    from anchorwatch.cli._written import known

    known(settings, "/".join(unquote(part) for part in target.split("/")[:2]), target, alerts)


# --- times ----------------------------------------------------------------------------------------------------------------------


def _until(text: str) -> int:
    """An instant in ms since 1970: from `now`, a length of time, or RFC 3339 with an offset."""
    from datetime import datetime

    from anchorwatch.errors import ConfigError

    now = int(time.time() * 1_000)
    if text == "now":
        return now
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return now + _milliseconds("--until", text)
    if instant.tzinfo is None:
        raise ConfigError(f"--until {text}: has no time zone; write {text}Z, or an offset as +01:00")
    if (ms := int(instant.timestamp() * 1_000)) <= now:
        raise ConfigError(f"--until {text}: is over; `--until now` ends a silence")
    return ms


def _milliseconds(option: str, text: str) -> int:
    from anchorwatch.contract.values import duration
    from anchorwatch.errors import ConfigError

    try:
        return duration(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text}: {error}") from error
