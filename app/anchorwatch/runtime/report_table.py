"""How is a backtest told? A row for each alert that would have been heard, the totals, and one strict JSON document."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from anchorwatch.events import Alert, Finding
from anchorwatch.runtime.backtest import Course, Told

SPOKEN = {"critical": "page", "warning": "warning", "info": "info"}
ROWS_MAX = 200  # of the table; the rest is counted
WIDTH = 150
SENTENCE_MIN = 40
HEADS = ("when (UTC)", "heard", "what", "segment", "after")


class Row(NamedTuple):
    """One alert that made a sound."""

    at_ms: int
    heard: str  # page, warning, info
    name: str
    subject: str
    segment: str
    n: int  # events since the change; 0: not counted in events
    since_ms: int
    until_ms: int | None  # when it was resolved; None: open at the end of the file
    others: int  # alerts of the same incident
    outside_budget: bool
    sentence: str


def rows_of(told: Told) -> list[Row]:
    """In the order in which they were heard. That nothing comes after the last prediction of a file is the file's end, not silence."""
    alerts = told.alerts
    members: dict[str, set[str]] = {}
    for alert in alerts:
        members.setdefault(alert.incident, set()).add(alert.id)
    rows = []
    for i, alert in enumerate(alerts):
        if not alert.loud or _is_the_end(alert, told.course):
            continue
        later = (a.at_ms for a in alerts[i + 1 :] if a.id == alert.id and a.state == "resolved")
        rows.append(
            Row(
                alert.at_ms, SPOKEN[alert.labels["severity"]], alert.labels["alertname"], alert.labels.get("subject", ""),
                alert.labels["segment"], int(alert.evidence.get("n") or 0), int(alert.evidence.get("change_point_ms") or alert.at_ms),
                next(later, None), len(members[alert.incident]) - 1, alert.outside_budget, alert.annotations.get("summary", ""),
            )
        )  # fmt: skip
    return rows


def _is_the_end(alert: Alert, course: Course) -> bool:
    return alert.labels["alertname"] == "ModelDark" and int(alert.evidence.get("change_point_ms") or 0) >= course.last_prediction_ms


def totals(told: Told) -> dict[str, int]:
    """Counts of what was read and what was heard."""
    read = Counter(event.role for event in told.course.events)
    heard = Counter(row.heard for row in rows_of(told))
    return {
        "predictions": read["predictions"], "outcomes": read["outcomes"], "decisions": read["decisions"], "complaints": read["complaints"],
        "flags": read["flags"], "refused": told.refused,
        "findings": len(told.findings), "pages": heard["page"], "warnings": heard["warning"], "infos": heard["info"],
        "incidents": len({alert.incident for alert in told.alerts if alert.incident}),
    }  # fmt: skip


def as_json(told: Told) -> bytes:
    """One document; `findings` is what `backtest` and `replay` must agree on."""
    contract = told.course.contract
    document = {
        "schema": "backtest.v1", "model": contract.model, "environment": contract.environment, "contract": contract.id,
        "reference_id": told.course.reference_id, "window_ms": told.window_ms, "totals": totals(told),
        "heard": [row._asdict() for row in rows_of(told)], "findings": told.findings, "seconds": round(told.seconds, 3),
        "events_per_second": round(told.events_per_second),
    }  # fmt: skip
    return msgspec.json.encode(document)


def findings_json(findings: Sequence[Finding]) -> bytes:
    """Without trace ids: two ways of the same events agree on every byte of it."""
    return msgspec.json.encode([msgspec.structs.replace(finding, trace_ids=[]) for finding in findings])


def as_text(told: Told, width: int = WIDTH) -> str:
    """For a terminal or a README."""
    rows = rows_of(told)
    lines = table(rows[:ROWS_MAX], width) if rows else ["Nothing would have been heard."]
    if len(rows) > ROWS_MAX:
        lines.append(f"and {len(rows) - ROWS_MAX} more; --json has them all")
    return "\n".join([*lines, "", *_totals(told)]) + "\n"


def table(rows: Sequence[Row], width: int = WIDTH) -> list[str]:
    cells = [(_time(r.at_ms), r.heard, f"{r.name} {r.subject}".strip(), r.segment, f"{r.n:,}" if r.n else "") for r in rows]
    widths = [max(len(line[i]) for line in [HEADS, *cells]) for i in range(len(HEADS))]
    indent = sum(widths) + 2 * len(widths)
    room = max(width - indent, SENTENCE_MIN)
    lines = [_line(HEADS, widths) + "sentence"]
    for row, cell in zip(rows, cells, strict=True):
        told = textwrap.wrap(_printable(row.sentence), room) or [""]
        told += textwrap.wrap(_aside(row), room)
        lines.append(_line(cell, widths) + told[0])
        lines += [" " * indent + more for more in told[1:]]
    return lines


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [_printable(cell).ljust(size) for cell, size in zip(cells[:-1], widths[:-1], strict=True)]
    return "  ".join([*texts, cells[-1].rjust(widths[-1])]) + "  "


def _aside(row: Row) -> str:
    """Since when, until when, how many more say the same."""
    until = f"resolved {_time(row.until_ms)}" if row.until_ms is not None else "open at the end"
    more = f", {row.others} more of the same incident" if row.others else ""
    return f"(since {_time(row.since_ms)}, {until}{more}{', an exact rule' if row.outside_budget else ''})"


def _totals(told: Told) -> list[str]:
    n, contract = totals(told), told.course.contract
    read = f"{n['predictions']:,} predictions, {n['outcomes']:,} outcomes" + (f", {n['flags']} flag changes" if n["flags"] else "")
    refused = f", {n['refused']:,} records refused" if n["refused"] else ""
    return [
        f"{contract.key}: {read}{refused}; {_normal(told.course)}",
        f"{n['pages']} pages, {n['warnings']} warnings, {n['infos']} infos in {n['incidents']} incidents; {n['findings']} findings",
        f"{len(told.course.events):,} events in {told.seconds:.1f} s: {told.events_per_second:,.0f} a second",
    ]


def _normal(course: Course) -> str:
    """What it was judged by, and where it learnt that by itself, from when on."""
    known = course.reference or (course.later[-1].reference if course.later else None)
    if known is None:
        return "no reference: the model is learning"
    since = f", learnt from its own first events and in force from {_time(course.later[0].effective_from_ms)}" if course.later else ""
    return f"reference of {known['rows']:,} predictions, {known['labelled']:,} with a label{since}"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M" if ms % 60_000 == 0 else "%Y-%m-%d %H:%M:%S")


def _printable(text: str) -> str:
    """What a producer named a segment must not move the cursor."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
