"""What a person is told of a slice that nobody declared."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anchorwatch.alerting.signal import Signal
from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.events import Finding
from anchorwatch.stages.drawn import DRAWN_MAX
from anchorwatch.stages.evidence import Scene, by_luck, finding_of, handed, measured, onset_of, six
from anchorwatch.stages.monitors import Heard
from anchorwatch.stages.slices import Slices
from anchorwatch.watches import load
from anchorwatch.watches.base import Seen

if TYPE_CHECKING:
    from anchorwatch.stages.model_judge import ModelJudge


def slice_signals(judge: "ModelJudge", scene: Scene, heard: Sequence[Heard], findings: list[Finding]) -> list[Signal]:
    """findings: where those of this window go."""
    signals = []
    for each in heard:
        signal = slice_signal(scene, judge.slices, each, judge.explained.get(each.monitor.key))
        judge.remember(each, signal)
        findings.append(finding_of(scene, each, signal))
        signals.append(signal)
    return signals


def slice_signal(scene: Scene, slices: Slices, heard: Heard, explained: bool | None = None) -> Signal:
    """explained: whether it was said to explain the whole; what heals keeps that."""
    change, segment = heard.change, heard.monitor.segment
    busy = [key for key in slices.line.monitors if scene.monitors.is_busy(key)] if slices.line else []
    interval = None if heard.current is None else beta_binomial_interval(change.k, change.n, phi=heard.phi)
    share = slices.share_of(segment)
    seen = Seen(
        segment, heard.monitor.subject, heard.direction, heard.label, heard.reference, heard.monitor.line, heard.current, interval, change.n, "1",
        not busy, share,
    )  # fmt: skip
    told = load("slices").explain(seen)
    fires = change.verdict in ("page", "warning")
    explains = explained if explained is not None and not fires else slices.explains(segment, whole_too=bool(busy))
    onset, between = onset_of(scene, heard)
    evidence = measured(scene, heard, seen) | {"lent_days": six(slices.lent_days(segment)), "explains_whole": explains}
    if "," in segment:
        evidence["drawn_of_window"] = DRAWN_MAX  # a pair is counted in so many at most
    return Signal(
        watch="slices", subject=heard.monitor.subject, segment=segment, verdict=change.verdict, name=told.name,
        severity="critical" if change.verdict == "page" else "warning", harm=True, summary=told.summary, since_ms=change.since_ms,
        onset=onset, direction=heard.direction,
        description=by_luck(told.summary, heard),
        evidence=evidence | handed(scene, change.verdict, between), runbook=scene.layout.contract.owner.runbook or "",
        impact={"traffic_share": six(share), "whole_looks_fine": not busy},
    )  # fmt: skip
