"""Alerts for a tired person: what is wrong, since when, whose it is, what to type next. Colour only where it is wanted."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anchorwatch.events import Alert, Command

STYLE = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
RANK = {"critical": 2, "warning": 1, "info": 0}
PLAIN_WIDTH = 200  # where nobody looks at a terminal: nothing is squeezed
MEMBERS_SHOWN = 5
ROWS_MAX = 200  # incidents; the rest is counted
EVIDENCE_SHOWN = (
    "metric",
    "reference",
    "current",
    "interval",
    "n",
    "line",
    "direction",
    "evidence_days",
    "page_at_days",
    "detector",
    "unit",
)


def console() -> Console:
    """NO_COLOR and dumb terminals are rich's to respect."""
    return Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)


def json_line(alert: Alert) -> None:
    sys.stdout.write(msgspec.json.encode(alert).decode() + "\n")
    sys.stdout.flush()


def clean(text: str) -> str:
    """What a producer named a segment must not move the cursor."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def table(alerts: Sequence[Alert], now_ms: float) -> None:
    """A row per incident, the worst first, then the newest."""
    if not alerts:
        console().print("All is quiet: no open alert.")
        return
    incidents: dict[str, list[Alert]] = {}
    for alert in alerts:
        incidents.setdefault(alert.incident, []).append(alert)
    ordered = sorted(incidents.values(), key=lambda group: (-_severity(group), -max(alert.opened_at_ms for alert in group)))
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="dim")
    for name in ("", "what", "since", "owner", "id"):
        shown.add_column(name, no_wrap=name in ("", "since", "id"), overflow="fold", ratio=1 if name == "what" else None)
    for group in ordered[:ROWS_MAX]:
        lead = headline(group)
        shown.add_row(
            _badge(lead, group),
            _what(lead, group),
            f"{_ago(lead, now_ms)}\n{_clock(lead.startsAt)[5:]}",
            Text(
                clean(lead.owner["team"].removeprefix("group:default/"))
                + (f"\n→ {clean(lead.owner['route'])}" if lead.owner.get("route") else "")
            ),
            lead.id[:8],
        )
    console().print(shown)
    if len(ordered) > ROWS_MAX:
        console().print(f"… and {len(ordered) - ROWS_MAX} more incidents; narrow it by --model")
    lead = headline(ordered[0])
    mine = f"\nanchorwatch alerts ack {lead.id[:8]}      it is yours" if lead.state == "firing" else ""
    console().print(f"anchorwatch alerts show {lead.id[:8]}     look closer{mine}", style="dim")


def line(alert: Alert) -> None:
    """One change."""
    sound = "♪" if alert.loud else " "
    at = datetime.fromtimestamp(alert.at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    what = f"{alert.labels['environment']}/{alert.labels['model']} {alert.labels['alertname']}: {alert.annotations.get('summary', '')}"
    text = Text.assemble(
        (f"{at} {sound} ", "dim"),
        (f"{alert.labels['severity']:<8} ", STYLE[alert.labels["severity"]]),
        (f"{alert.state:<12} ", "bold"),
        clean(what + (f" ({alert.actor}: {alert.reason})" if alert.actor else "")),
        (f"  {alert.id[:8]}", "dim"),
    )
    console().print(text, soft_wrap=True)


def details(alert: Alert, others: Sequence[Alert], history: Sequence[Alert]) -> None:
    """All about one alert."""
    out = console()
    severity = alert.labels["severity"]
    out.print(Text.assemble((f"{severity} {alert.state}", STYLE[severity]), "  ", (clean(alert.annotations.get("summary", "")), "bold")))
    if text := alert.annotations.get("description"):
        out.print(Text(clean(text)))
    rows = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, value in _facts(alert):
        rows.add_row(name, Text(clean(value)))
    out.print()
    out.print(rows)
    if others:
        out.print(f"\n{len(others)} more of the same incident {alert.incident}:", style="dim")
        for other in others[:MEMBERS_SHOWN]:
            out.print(Text(f"  {other.id[:8]}  {other.state:<12} {clean(other.dedup_key)}"))
    if history:
        out.print("\nhistory", style="dim")
        for change in history[-20:]:
            line(change)


def ordered(order: Command, named: Sequence[Alert], *, as_json: bool) -> None:
    """What was asked for; the judge does it within seconds and writes it to the alert."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(order).decode() + "\n")
        return
    until = "" if order.until_ms is None else f" until {datetime.fromtimestamp(order.until_ms / 1_000, UTC):%Y-%m-%d %H:%M}Z"
    verb = {"ack": "acknowledged", "silence": "silenced", "resolve": "resolved"}[order.verb]
    of = f"{len(named)} alert{'s' * (len(named) != 1)}" if named else "whatever fires there"
    out = console()
    out.print(Text(clean(f"asked for: {order.target} {verb}{until} by {order.actor} ({of}): {order.reason}")))
    for alert in named[:MEMBERS_SHOWN]:
        out.print(Text(clean(f"  {alert.labels['alertname']}: {alert.annotations.get('summary', '')}")))
    out.print("The judge answers within seconds: anchorwatch alerts ls", style="dim")


def headline(group: Sequence[Alert]) -> Alert:
    """As the newest record of the incident names it; else the worst."""
    named = max(group, key=lambda alert: alert.at_ms).annotations.get("incident_headline")
    return next((alert for alert in group if alert.dedup_key == named), max(group, key=lambda alert: RANK[alert.labels["severity"]]))


def _severity(group: Sequence[Alert]) -> int:
    return max(RANK[alert.labels["severity"]] for alert in group)


def _badge(lead: Alert, group: Sequence[Alert]) -> Text:
    worst = max((alert.labels["severity"] for alert in group), key=RANK.__getitem__)
    state = "silenced" if lead.silenced_until_ms is not None and lead.state == "firing" else lead.state
    return Text.assemble((f"{'●' if state == 'firing' else '○'} {worst}", STYLE[worst]), f"\n  {state}")


def _what(lead: Alert, group: Sequence[Alert]) -> Text:
    newest = max(group, key=lambda alert: alert.at_ms)
    parts = [
        (clean(f"{lead.labels['model']} {lead.labels['environment']}  "), ""),
        (clean(lead.annotations.get("summary", "")), "bold"),
    ]
    if lead.caused_by:
        parts.append((f"\nprobable cause: {clean(_cause(lead.caused_by[0]))}", ""))
    if rest := [alert for alert in group if alert is not lead]:
        names = ", ".join(dict.fromkeys(f"{alert.labels['alertname']} {alert.labels['segment']}" for alert in rest[:MEMBERS_SHOWN]))
        more = f", {len(rest) - MEMBERS_SHOWN} others" if len(rest) > MEMBERS_SHOWN else ""
        parts.append((f"\n+ {len(rest)} of the same time: {clean(names)}{more}", "dim"))
    if newest.actor:
        parts.append((f"\n{clean(newest.actor)}: {clean(newest.reason)}", "dim"))
    return Text.assemble(*parts)


def _cause(cause: Mapping[str, Any]) -> str:
    return " ".join(str(cause[name]) for name in ("kind", "key", "state", "actor") if cause.get(name))


def _facts(alert: Alert) -> list[tuple[str, str]]:
    evidence = {name: alert.evidence[name] for name in EVIDENCE_SHOWN if alert.evidence.get(name) is not None}
    facts = [
        (
            "what",
            f"{alert.labels['alertname']} of {alert.labels['model']} in {alert.labels['environment']}, segment {alert.labels['segment']}",
        ),
        ("state", f"{alert.state}{' by ' + alert.actor if alert.actor else ''}{': ' + alert.reason if alert.reason else ''}"),
        ("since", f"{_clock(alert.startsAt)}" + (f" to {_clock(alert.endsAt)}" if alert.endsAt else "")),
        ("owner", " ".join(str(alert.owner[name]) for name in ("team", "tuner", "route") if alert.owner.get(name))),
        ("evidence", ", ".join(f"{name} {_number(value)}" for name, value in evidence.items())),
        ("impact", ", ".join(f"{name} {_number(value)}" for name, value in alert.impact.items())),
        ("cause", "; ".join(map(_cause, alert.caused_by))),
        ("runbook", alert.annotations.get("runbook_url", "")),
        ("view", alert.annotations.get("dashboard_url", "")),
        ("traces", " ".join(alert.trace_ids[:3])),
        ("key", alert.dedup_key),
        ("id", alert.id),
    ]
    return [(name, value) for name, value in facts if value]


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _clock(text: str) -> str:
    return text[:16].replace("T", " ") + "Z"


def _ago(alert: Alert, now_ms: float) -> str:
    minutes = max(int(now_ms / 60_000 - datetime.fromisoformat(alert.startsAt).timestamp() / 60), 0)
    for size, name in ((1_440, "d"), (60, "h")):
        if minutes >= 2 * size:
            return f"{minutes // size} {name}"
    return f"{minutes} min"
