"""From what a monitor says to what a person is told: numbers, interval, one sentence, and whether this segment explains the whole."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from anchorwatch.alerting.signal import Signal
from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.events import Exemplar, Finding, Verdict
from anchorwatch.stages import ordering
from anchorwatch.stages.handover import OffsetsSince, handover
from anchorwatch.stages.monitors import Heard, Monitors
from anchorwatch.stages.recent import Recent
from anchorwatch.stages.reliability import moved, table
from anchorwatch.watches import load
from anchorwatch.watches.base import OTHER, WHOLE, Ints, Monitor, Seen
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.ordering import METRIC
from anchorwatch.watches.rules import Exact

DETECTOR = "e_sr"
EXPLAINS_MIN = 30  # events that must be left beside a segment to say that the rest is fine
TRACES_MAX = 16
Window = tuple[int, int]


class Scene(NamedTuple):
    """All that a sentence may draw on."""

    layout: Layout
    monitors: Monitors
    recent: Recent
    window: Window
    closed_by: str
    begun_ms: int  # of the first window judged
    margin_ms: int  # by how much a watermark may trail
    offsets_since: OffsetsSince
    held: Mapping[str, str] = {}  # monitor of a segment -> the coarser segment whose page says it already (standing.py)


def six(value: float | None) -> float | None:
    """Numbers are written with 6 significant digits; what is no number is null."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")


def signal_of(scene: Scene, heard: Heard, exemplars: list[Exemplar], explained: bool | None = None) -> Signal:
    """explained: whether it was said to explain the whole; what heals keeps that, else the headline would wander while all recover."""
    monitor, change = heard.monitor, heard.change
    seen = seen_of(scene, heard)
    told = load(monitor.watch).explain(seen)
    onset, between = onset_of(scene, heard)
    return Signal(
        watch=monitor.watch, subject=monitor.subject, segment=monitor.segment, verdict=change.verdict, name=told.name,
        severity="info" if monitor.news else "critical" if change.verdict == "page" else "warning", harm=monitor.harm,
        summary=told.summary, since_ms=change.since_ms, onset=onset, direction=heard.direction,
        description=by_luck(f"{told.summary} {told.runbook}" if monitor.news else told.summary, heard),
        evidence=_numbers(scene, heard, seen, explained) | handed(scene, change.verdict, between), traces=traces_for(exemplars, monitor),
        runbook=scene.layout.contract.owner.runbook or "",
        impact={"traffic_share": six(seen.share_of_traffic), "whole_looks_fine": seen.whole_looks_fine}, news=monitor.news,
    )  # fmt: skip


def seen_of(scene: Scene, heard: Heard) -> Seen:
    monitor, change = heard.monitor, heard.change
    current, n = heard.current, change.n
    interval = None
    if not monitor.tilt and current is not None:
        interval = beta_binomial_interval(current * n, n, phi=heard.phi)
    elif monitor.metric == "calibration":
        off = moved(scene.recent, change.since_ms)
        current, interval, n = (off.value, (off.low, off.high), off.n) if off else (None, None, n)
    elif monitor.metric == METRIC:  # means of draws in [0, 1] are no wider than those of 0 and 1
        phi = scene.layout.phi(monitor.key, 1)[0]
        interval = None if current is None else beta_binomial_interval(current * n, n, phi=phi)
    elif monitor.tilt and monitor.watch == "quality":
        qualities = scene.recent.qualities(change.since_ms, "rmse" if monitor.metric == "rmse" else "mae")
        if qualities is not None:
            _, current, interval, n = qualities[monitor.row]
    volume = scene.recent.volume()
    alike = (each for each in scene.monitors.busy() if each.watch == monitor.watch and each.segment == WHOLE and not each.news)
    fine = not monitor.news and next(alike, None) is None
    share = float(volume[monitor.row] / volume[0]) if volume[0] else 0.0
    return Seen(
        monitor.segment, monitor.subject, heard.direction, heard.label, heard.reference, heard.line, current, interval, n, monitor.unit,
        fine and monitor.segment != WHOLE, share,
    )  # fmt: skip


def onset_of(scene: Scene, heard: Heard) -> tuple[Window, Window]:
    """What joins an incident, and what is handed over, which must hold the change."""
    change = heard.change
    around = max(2 * (scene.window[1] - scene.window[0]), (scene.window[1] - change.since_ms) // 10)
    onset = (change.since_ms - around, change.since_ms + around)
    between = (min(onset[0], change.between_ms[0]), max(onset[1], change.between_ms[1])) if any(change.between_ms) else onset
    return onset, between


def by_luck(summary: str, heard: Heard) -> str:
    """A sentence, with how rare it is."""
    days = heard.change.evidence_days
    return f"{summary} Detector {DETECTOR}: by luck, something in this model gets here once in {days:.3g} days."


def handed(scene: Scene, verdict: str, onset: Window) -> dict[str, Any]:
    """Of what fires; what heals needs no repair."""
    if verdict not in ("page", "warning", "news", "exact"):
        return {}
    return handover(onset, scene.window, scene.begun_ms, scene.margin_ms, scene.offsets_since)


def measured(scene: Scene, heard: Heard, seen: Seen) -> dict[str, Any]:
    """The numbers of every alert that a detector raises."""
    change = heard.change
    return {
        "metric": heard.monitor.metric, "label": heard.label, "reference": six(heard.reference), "line": six(heard.line),
        "current": six(seen.current), "interval": [six(x) for x in seen.interval] if seen.interval else None, "n": seen.n,
        "estimated": False, "change_point_ms": change.since_ms, "detector": DETECTOR, "evidence_days": six(change.evidence_days),
        "page_at_days": six(scene.monitors.level_days), "unit": heard.monitor.unit, "phi": six(heard.phi),
        "table": "rank" if heard.monitor.unit == "rank" else "bets" if heard.monitor.tilt else "0/1",
    }  # fmt: skip


def _numbers(scene: Scene, heard: Heard, seen: Seen, explained: bool | None) -> dict[str, Any]:
    change = heard.change
    healing = change.verdict in ("recovering", "quiet") and explained is not None
    return measured(scene, heard, seen) | {
        "share": six(scene.monitors.share_of(heard.monitor)), "reference_n": _reference_n(scene.layout, heard.monitor),
        "explains_whole": explained if healing else explains(scene, heard.monitor, change.since_ms),
    } | ({"reliability": table(scene.recent, change.since_ms)} if heard.monitor.metric == "calibration" else {}) | (
        {"shared_with": scene.held[heard.monitor.key]} if heard.monitor.key in scene.held else {}
    )  # fmt: skip


def _reference_n(layout: Layout, monitor: Monitor) -> int | None:
    """Events behind the reference of a monitor; None: its line is a promise, or the reference did not count it."""
    if monitor.reference is None:
        return None
    key, symbols, row = (
        (monitor.tilt.key, monitor.tilt.symbols, None) if monitor.tilt else (*monitor.streams[0][:2], monitor.streams[0].n_row)
    )
    counts = layout.reference_counts(key, layout.normal_of(monitor))
    return None if counts is None else int(counts[monitor.row if row is None else row, symbols].sum())


def finding_of(scene: Scene, heard: Heard, signal: Signal) -> Finding:
    change, contract = heard.change, scene.layout.contract
    interval = signal.evidence["interval"]
    return Finding(
        model=contract.model, environment=contract.environment, window=scene.window, closed_by=scene.closed_by,  # type: ignore[arg-type]
        watch=heard.monitor.watch, subject=heard.monitor.subject, segment=heard.monitor.segment, verdict=change.verdict,
        direction=change.direction, evidence_days=six(change.evidence_days), page_at_days=six(scene.monitors.level_days),
        line=six(heard.line), reference=six(heard.reference), current=six(signal.evidence["current"]),
        interval=(interval[0], interval[1]) if interval else None, n=change.n, since_ms=change.since_ms, detector=DETECTOR,
        contract=contract.id, reference_id=scene.layout.reference_id, name=signal.name, severity=signal.severity, summary=signal.summary,
        trace_ids=trace_ids(signal),
    )  # fmt: skip


def trace_ids(signal: Signal) -> list[str]:
    return [t[3:35] for t in signal.traces]


def exact_signal(scene: Scene, exact: Exact, exemplars: list[Exemplar]) -> Signal:
    onset = (exact.since_ms, exact.since_ms)
    verdict: Verdict = "exact" if exact.open else "quiet"
    return Signal(
        watch=exact.watch, subject=exact.subject, segment=WHOLE, verdict=verdict, name=exact.name,
        severity=exact.severity, harm=exact.harm, summary=exact.summary, since_ms=exact.since_ms, onset=onset,
        description=f"{exact.summary} An exact rule: outside the alert budget.",
        evidence={**exact.evidence, "detector": "rule", **handed(scene, verdict, onset)},
        traces=tuple(e.traceparent for e in exemplars[:TRACES_MAX]), outside_budget=True, caused_by=exact.caused_by,
        runbook=scene.layout.contract.owner.runbook or "", patience_ms=exact.patience_ms,
    )  # fmt: skip


def exact_finding(layout: Layout, exact: Exact, signal: Signal, window: Window, closed_by: str) -> Finding:
    contract = layout.contract
    return Finding(
        model=contract.model, environment=contract.environment, window=window, closed_by=closed_by,  # type: ignore[arg-type]
        watch=exact.watch, subject=exact.subject, segment=WHOLE, verdict=signal.verdict, direction="", evidence_days=None,
        page_at_days=None, line=six(exact.evidence.get("line")), reference=None, current=six(exact.evidence.get("current")), interval=None,
        n=int(exact.evidence.get("n", 0)), since_ms=exact.since_ms, detector="rule", contract=contract.id,
        reference_id=layout.reference_id, name=exact.name, severity=exact.severity, summary=exact.summary, outside_budget=True,
        trace_ids=trace_ids(signal),
    )  # fmt: skip


def traces_for(exemplars: list[Exemplar], monitor: Monitor) -> tuple[str, ...]:
    """Kept predictions of that segment, the telling ones first: wrong ones for quality, slow ones for latency."""
    wanted = {"quality": "wrong", "latency": "slow"}.get(monitor.watch)
    mine = [e for e in exemplars if monitor.segment in e.segments]
    ranked = sorted(mine, key=lambda e: (e.reason != wanted, -e.value, e.hash))
    return tuple(dict.fromkeys(e.traceparent for e in ranked))[:TRACES_MAX]


# which segment explains its parents (detection.md 7)


def parents(layout: Layout, segment: str) -> list[str]:
    """The next coarser segments: of a pair its sides, of a single one the whole."""
    if segment in (WHOLE, OTHER):
        return [] if segment == WHOLE else [WHOLE]
    parts = segment.split(",")
    if len(parts) == 1:
        return [WHOLE]
    coarser = [",".join(parts[:i] + parts[i + 1 :]) for i in range(len(parts))]
    return [name for name in coarser if name in layout.rows] or [WHOLE]


def explains(scene: Scene, monitor: Monitor, since_ms: int) -> bool:
    """Is every parent that suffers back inside its own line without this segment's counts since then?"""
    if monitor.segment == WHOLE or not monitor.harm:
        return False
    for parent in parents(scene.layout, monitor.segment):
        key = f"{monitor.watch}:{monitor.subject}/{parent}"
        if scene.monitors.is_busy(key) and not _inside_without(scene, key, monitor, since_ms):
            return False
    return True


def _inside_without(scene: Scene, parent_key: str, monitor: Monitor, since_ms: int) -> bool:
    parent = scene.monitors.find(parent_key)
    if parent.metric == METRIC and parent.line is not None:
        value, left = ordering.without(scene.recent, parent.row, monitor.row, since_ms)
        return value is not None and left >= EXPLAINS_MIN and value >= parent.line
    key = parent.streams[0].key if parent.streams else parent.tilt.key if parent.tilt else ""
    if key not in scene.recent.keys:
        return False
    total = scene.recent.total(key, since_ms)
    rest: Ints = total[parent.row] - total[monitor.row]
    if parent.tilt is not None:
        counts = rest[parent.tilt.symbols]
        score = parent.tilt.heal.score[0, 0, : len(counts)]
        n = int(counts.sum())
        mean = float((counts * score).sum() / n) if n else 0.0
        return n >= EXPLAINS_MIN and 1 - mean <= float(parent.tilt.heal.line[0, 0])
    stream = parent.streams[0]
    n, k = int(rest[stream.n].sum()), int(rest[stream.k].sum())
    return n >= EXPLAINS_MIN and k / n <= stream.line
