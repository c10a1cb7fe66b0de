"""What the audience sees: a live table in a terminal, plain lines elsewhere. Everything but `Screen` is a pure function of what is known."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from anchorwatch.events import Alert, Summary
from anchorwatch.runtime.demo.acts import Act, Played, is_headline

PLAIN_EVERY_S = 10.0  # a line of state where nothing can be redrawn
REDRAWN_PER_S = 4
ALERTS_SHOWN = 6
PLAIN_WIDTH = 110
STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


@dataclass
class View:
    """What is known at a moment."""

    rate: float
    doing: str = ""  # what is waited for
    predictions: int = 0
    summary: Summary | None = None
    open: list[Alert] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)


# --- sentences ------------------------------------------------------------------------------------------------------------------


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{100 * low:.1f}, {100 * high:.1f}]"


def events(n: int, of: str) -> str:
    return f"{n:,} {of}"


def result(played: Played) -> str:
    """One act in one sentence."""
    if played.alert is None:
        instead = f"; heard instead: {'; '.join(played.instead[:3])}" if played.instead else ""
        return f"NOT caught: expected {played.act.expected}{instead}"
    after = (
        f"after {played.seconds:.1f} s"
        if played.act.silence
        else f"after {events(played.events, played.act.only)} / {played.seconds:.1f} s"
    )
    return f"caught {after}, by {caught_by(played.alert)}, for {played.alert.labels['owner']}"


def caught_by(alert: Alert) -> str:
    labels = alert.labels
    where = "" if labels["segment"] == "whole" else f" on {labels['segment']}"
    cause = f" ({alert.caused_by[0]['actor']})" if alert.caused_by and alert.caused_by[0].get("actor") else ""
    renamed = f" {labels['subject']} -> {alert.evidence['renamed_to']}" if "renamed_to" in alert.evidence else ""
    return f"{labels['alertname']}{renamed}{where}{cause}"


def short(owner: str) -> str:
    """The name alone.

    >>> short("group:default/lending-risk")
    'lending-risk'
    """
    return owner.rpartition("/")[2]


def state_line(view: View) -> str:
    """The whole in one line."""
    summary = view.summary
    if summary is None:
        return f"{view.predictions:,} predictions sent; {view.doing}"
    row = dict(zip(summary.columns, (column[0] for column in summary.columns.values()), strict=True))
    quality = f"right {percent(row.get('quality'))} {interval(row.get('quality_low'), row.get('quality_high'))}".rstrip()
    p99 = row.get("p99_ms")
    latency = "" if p99 is None else f"  p99 {p99:.0f} ms"
    told = f"{len(view.open)} alert{'s' * (len(view.open) > 1)} open" if view.open else "no alerts"
    return f"{summary.model} {summary.traffic}  {view.predictions:,} predictions  {quality}{latency}  {told}"


# --- tables ---------------------------------------------------------------------------------------------------------------------


def segments_table(summary: Summary, alerts: Sequence[Alert]) -> Table:
    """Each segment with quality and latency; the numbers are of the last seconds."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("model, segment", "predictions", "right", "interval", "p50", "p99", ""):
        table.add_column(name, justify="left" if name in ("model, segment", "interval", "") else "right", no_wrap=True)
    columns = summary.columns
    for i, segment in enumerate(summary.segments):
        n, quality, low, high, p50, p99 = (
            columns[name][i] for name in ("predictions", "quality", "quality_low", "quality_high", "p50_ms", "p99_ms")
        )
        if segment == "other" and not n:
            continue
        mine = [alert for alert in alerts if alert.labels["segment"] == segment]
        name = f"{summary.model} {summary.traffic}" if segment == "whole" else f"  {segment}"
        numbers = [f"{n or 0:,.0f}", percent(quality), interval(low, high)]
        numbers += ["–" if value is None else f"{value:.0f} ms" for value in (p50, p99)]
        table.add_row(Text(name, "bold" if segment == "whole" else ""), *numbers, mark(mine))
    return table


def mark(alerts: Sequence[Alert]) -> Text:
    """The loudest that stands against a segment."""
    firing = [alert for alert in alerts if alert.state in ("firing", "acknowledged")]
    if not firing:
        return Text("◐ recovers", "green") if alerts else Text("●", "green")
    worst = min(firing, key=lambda alert: ("critical", "warning", "info").index(alert.labels["severity"]))
    return Text(f"▲ {worst.labels['alertname']}", STYLES[worst.labels["severity"]])


def alerts_table(alerts: Sequence[Alert]) -> Table:
    """Headlines with their owner; how many more each incident has."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("alert", "state", "owner", "what it says"):
        table.add_column(name, no_wrap=name != "what it says", overflow="ellipsis" if name == "what it says" else "fold")
    leads: dict[str, Alert] = {}
    for alert in alerts:
        if alert.incident not in leads or is_headline(alert):
            leads[alert.incident] = alert
    for alert in list(leads.values())[:ALERTS_SHOWN]:
        style = STYLES[alert.labels["severity"]] if alert.state == "firing" else "green"
        more = sum(other.incident == alert.incident for other in alerts) - 1
        text = alert.annotations["summary"] + (f" (+{more} of the same incident)" if more else "")
        table.add_row(Text(alert.labels["alertname"], style), alert.state, short(alert.labels["owner"]), text)
    return table


def acts_table(acts: Sequence[Act], played: Sequence[Played]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "act", "injected at", "caught after", "by", "owner"):
        table.add_column(name, no_wrap=name != "by")
    for i, act in enumerate(acts):
        if i >= len(played):
            table.add_row(str(i + 1), Text(act.title, "dim"), "", "", "", "")
            continue
        one = played[i]
        at = time.strftime("%H:%M:%S", time.localtime(one.injected_at_ms / 1000))
        if one.alert is None:
            over = one.healed_at_ms is not None
            table.add_row(Text("✗" if over else "…", "red" if over else ""), act.title, at, "not caught" if over else "", "", "")
            continue
        after = f"{one.seconds:.1f} s" if act.silence else f"{one.events:,} events / {one.seconds:.1f} s"
        table.add_row(Text("✓", "green"), act.title, at, after, caught_by(one.alert), short(one.alert.labels["owner"]))
    return table


def live(view: View) -> RenderableType:
    parts: list[RenderableType] = [Text(f"{view.predictions:,} predictions at {view.rate:g}/s   {view.doing}", "bold"), Text()]
    if view.summary is not None:
        parts += [segments_table(view.summary, view.open), Text()]
    if view.open:
        parts += [alerts_table(view.open), Text()]
    return Group(*parts, acts_table(view.acts, view.played))


# --- the screen -----------------------------------------------------------------------------------------------------------------


class Screen:
    """`say` for what stays, `show` for what is redrawn (in a terminal) or told now and then (elsewhere)."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._told_at = time.monotonic()

    def say(self, text: str, style: str = "", *, verbatim: bool = False) -> None:
        """verbatim: never wrapped, for what is copied."""
        self.console.print(Text(text, style), soft_wrap=verbatim)
        self._told_at = time.monotonic()

    def show(self, view: View) -> None:
        if not self.console.is_terminal:
            if time.monotonic() - self._told_at >= PLAIN_EVERY_S:
                self.say(f"  {state_line(view)}")
            return
        if self._live is None:
            self._live = Live(console=self.console, refresh_per_second=REDRAWN_PER_S, transient=True)
            self._live.start()
        self._live.update(live(view))

    def close(self) -> None:
        """The last picture goes; what was said stays."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def draw(self, part: RenderableType) -> None:
        self.close()
        self.console.print(part)
