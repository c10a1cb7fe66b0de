"""One record per model and minute for tables and charts: segments by column; what is no number is null and has a reason."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.contract import Contract
from anchorwatch.contract.values import duration_text
from anchorwatch.estimators.interval import Estimate
from anchorwatch.events import Summary
from anchorwatch.stages import ordering, strata, uplift
from anchorwatch.stages.evidence import six
from anchorwatch.stages.metrics import metrics_of
from anchorwatch.stages.recent import Quality, Recent
from anchorwatch.stages.reliability import LastDays, last_days, said
from anchorwatch.stages.report import Report
from anchorwatch.stages.trust import complaint_shares, shares, told
from anchorwatch.watches.base import OTHER
from anchorwatch.watches.baseline import LABELS_MIN
from anchorwatch.watches.calibrating import MONITOR
from anchorwatch.watches.ordering import METRIC

if TYPE_CHECKING:
    from anchorwatch.stages.model_judge import ModelJudge
    from anchorwatch.stages.pile import Pile

ROWS_MAX = 200
SUSPECTS_TOLD = 5
USED, COMPLAINED = ("followed", "ignored"), "complained"  # where decisions and complaints are expected
LAST_DAYS = ("error_expected", "error_corrected", "error_corrected_low", "error_corrected_high")  # of the whole
ESTIMATED, ESTIMATES_MAX = ("estimate", "estimate_low", "estimate_high"), 20  # of the largest segments: half a millisecond each


def count_labels(pile: "Pile", report: Report) -> None:
    """Labelled and correct as counters per segment: they may be summed over segments and time, a share may not."""
    key = next((key for key, count in pile.layout.counts.items() if count.name == "confusion@late"), None)
    if key is None:
        return
    side = len(pile.layout.classes) + 1
    contract = pile.layout.contract
    for row, cells in enumerate(pile.layout.view(pile.flat, key)[:, :-1].reshape(-1, side, side)):
        labels = {"environment": contract.environment, "model": contract.model, "segment": pile.layout.segments[row]}
        report.count("anchorwatch.labelled", int(cells.sum()), **labels)
        report.count("anchorwatch.correct", int(np.trace(cells)), **labels)


def tell(summary: Summary, report: Report) -> None:
    """The newest numbers as gauges, per segment."""
    metric = summary.reasons.get("metric", "accuracy")
    for i, segment in enumerate(summary.segments):
        labels = {"environment": summary.environment, "model": summary.model, "segment": segment}
        for name, column, more in (("quality", "quality", {"metric": metric}), ("evidence.days", "evidence_days", {})):
            value = summary.columns[column][i]
            if value is not None:
                report.gauges[f"anchorwatch.{name}", tuple(sorted({**labels, **more}.items()))] = value


def summary_of(judge: "ModelJudge") -> Summary:
    layout, recent = judge.layout, judge.recent
    contract = layout.contract
    volume = recent.volume()
    shown = [row for row, name in enumerate(layout.segments) if name != OTHER or layout.has_other]
    rows = sorted(shown, key=lambda r: (min(r, 2), -int(volume[r]), layout.segments[r]))[:ROWS_MAX]
    qualities, worth, arms = recent.qualities(), recent.worth(), uplift.told(recent)
    used, complained = shares(recent), complaint_shares(recent)
    latencies, evidence = recent.latencies(), _evidence(judge)
    columns: dict[str, list[float | None]] = {
        name: []
        for name in ("predictions", "quality", "quality_low", "quality_high", "labels", "p50_ms", "p99_ms", "evidence_days", "value")
    }
    columns |= ({name: [] for name in USED} if used else {}) | ({COMPLAINED: []} if complained else {})
    columns |= {name: [] for name in (*ESTIMATED, *LAST_DAYS)}
    days, blank = last_days(recent), judge.monitors.is_busy(MONITOR)
    metric = "accuracy"
    for place, row in enumerate(rows):
        quality = qualities[row] if qualities is not None else None
        metric = quality.metric if quality else metric
        interval = quality.interval if quality else None
        guess = recent.estimate(row) if place < ESTIMATES_MAX and not blank else None
        p50, p99 = latencies[row]
        values = {
            "predictions": float(volume[row]), "quality": quality.value if quality else None, "quality_low": interval[0] if interval else None,
            "quality_high": interval[1] if interval else None, "labels": float(quality.n) if quality else None, "p50_ms": p50, "p99_ms": p99,
            "evidence_days": evidence.get(layout.segments[row]), "value": known.value if worth and (known := worth[row]) else None,
            **dict(zip(ESTIMATED, guess[:3] if guess else (None,) * 3, strict=True)), **(dict(zip(USED, used[row], strict=True)) if used else {}),
            **({COMPLAINED: complained[row]} if complained else {}),
            **dict(zip(LAST_DAYS, _errors(days, blank) if row == 0 else (None,) * 4, strict=True)),
        }  # fmt: skip
        for name, value in values.items():
            columns[name].append(six(value))
    reasons = {"metric": metric} | _waiting(qualities, metric, columns, learning=layout.learning) | _worth(contract, worth, arms) | arms
    reasons |= _suspected(judge) | told(layout, recent) | _scores(recent, days, blank) | _learning(judge) | strata.told(recent)
    reasons |= ordering.told(recent)
    return Summary(
        contract.model, contract.environment, judge.to_ms, "learning" if layout.learning else "watching", [layout.segments[r] for r in rows],
        columns, reasons, dict(judge.tallies), contract.owner.team, judge.traffic, {n: six(value) for n, value in metrics_of(recent).items()},
    )  # fmt: skip


def _learning(judge: "ModelJudge") -> dict[str, str]:
    if not judge.layout.learning:
        return {}
    far = f"; {judge.learning.told(judge.to_ms)}" if judge.learning else ""
    return {"state": f"learning: no reference yet, only promises and exact rules are judged{far}"}


def _waiting(
    qualities: Sequence[Quality] | None, metric: str, columns: Mapping[str, Sequence[float | None]], *, learning: bool
) -> dict[str, str]:
    """Why there is no quality yet, and what the scores promise meanwhile."""
    found = {}
    if columns["estimate"] and columns["estimate"][0] is not None:
        found["estimate"] = f"{metric} to be expected by the scores, while answers at a score turn out as in the reference"
    if qualities is None:
        found["quality"] = "no labels are counted"
    elif metric == METRIC and learning:
        found["quality"] = "waiting for a reference: ROC AUC is told in the bins of its scores"
    elif not qualities[0].n:
        found["quality"] = "waiting for labels" + _expected(metric, columns)
    return found


def _expected(metric: str, columns: Mapping[str, Sequence[float | None]]) -> str:
    """For a person who waits."""
    value, low, high = (columns[name][0] if columns[name] else None for name in ESTIMATED)
    if value is None or low is None or high is None:
        return ""
    return f"; by its scores {metric} {value:.3g} [{low:.3g}, {high:.3g}] is to be expected"


def _errors(days: LastDays | None, blank: bool) -> tuple[float | None, ...]:
    if days is None:
        return (None,) * 4
    return None if blank else days.expected.value, *days.corrected[:3]


def _scores(recent: Recent, days: LastDays | None, blank: bool) -> dict[str, str]:
    """What scores mean, and how the last days went by those labels that are in."""
    found = {}
    if blank:
        found["estimate"] = "not shown: answers at a score do not turn out as in the reference (Miscalibrated)"
    if (error := said(recent)) is not None:
        found["calibration"] = f"scores are off by {error.value:.2g} [{error.low:.2g}, {error.high:.2g}] in the mean, over {error.n} labels"
    if days is not None:
        low, high = days.corrected.low, days.corrected.high
        text = f"errors of the last {duration_text(days.span_ms)}: {days.corrected.value:.3g} [{low:.3g}, {high:.3g}] by {days.labels} labels so far"
        gap = " more than chance apart: answers at a score turn out otherwise than in the reference" if days.apart else ""
        found["last_days"] = text if blank else f"{text}, {days.expected.value:.3g} by the scores alone{',' if gap else ''}{gap}"
    return found


def _suspected(judge: "ModelJudge") -> dict[str, str]:
    """Slices that nobody declared and that are on trial; what is found is told by alerts."""
    found = judge.slices.suspected()
    if not found:
        return {}
    mark = judge.monitors.level_days
    names = ", ".join(f"{name} ({days:.2g} of {mark:.4g} days)" for name, days in found[:SUSPECTS_TOLD])
    return {"slices": f"suspected, not shown yet: {names}{', and more' if len(found) > SUSPECTS_TOLD else ''}"}


def _evidence(judge: "ModelJudge") -> dict[str, float]:
    """Segment -> the most days of evidence against it that a monitor of it has; open ones stand at the mark."""
    found: dict[str, float] = {}
    for group in judge.monitors.groups.values():
        for monitor, days, busy in zip(group.monitors, group.bank.evidence().tolist(), group.bank.state().tolist(), strict=True):
            if monitor.news:
                continue
            at = judge.monitors.level_days if busy == 2 else days
            found[monitor.segment] = max(found.get(monitor.segment, 0.0), at)
    return found


def _worth(contract: Contract, worth: list[Estimate | None] | None, arms: Mapping[str, str]) -> dict[str, str]:
    """What a number against doing nothing means; that there is none is said, since it is not good news."""
    if contract.baseline is None:
        return {}
    if worth is None or contract.baseline.value is None:
        lacking = "the contract's baseline has no value table"
        return {
            "value": f"by arms alone: {lacking}"
            if "arms" in arms
            else f"not measurable: {lacking}, and no arm baseline has {LABELS_MIN} labels"
        }
    whole = worth[0]
    if whole is None:
        return {"value": f"waiting for labels: {LABELS_MIN} are needed"}
    unit = contract.baseline.value.unit
    return {"value": f"{unit} a prediction above answering {contract.baseline.nothing}, of the whole [{whole.low:.4g}, {whole.high:.4g}]"}
