"""What one model of the judge stage keeps over a restart: evidence, exact rules, recent numbers, alerts, its clocks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from anchorwatch.events import Exemplar

if TYPE_CHECKING:
    from anchorwatch.stages.model_judge import ModelJudge

TIMES = ("to_ms", "credited_ms", "last_ms", "summary_due")


def snapshot(judge: "ModelJudge") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    keys, arrays = judge.monitors.snapshot()
    slots, more = judge.recent.snapshot()
    slices, cells = judge.slices.snapshot()
    header = {
        "contract": judge.version.contract.id, "reference": judge.layout.reference_id, "level_days": judge.monitors.level_days,
        "since_ms": judge.version.since_ms,
        **{name: getattr(judge, name) for name in TIMES}, "begun_ms": judge.begun_ms, "tallies": judge.tallies, "monitors": keys,
        "slots": slots, "rules": judge.kept_rules(), "alerts": judge.alerts.snapshot(), "advice": judge.advice.snapshot(),
        "explained": judge.explained, "meter": judge.meter.snapshot(), "slices": slices,
        "standing": judge.standing.snapshot(),
        "learning": judge.learning.snapshot() if judge.learning else {},
        "exemplars": [[e.segments, e.reason, e.value, e.traceparent, e.hash] for e in judge.exemplars],
    }  # fmt: skip
    return header, {f"bank/{name}": a for name, a in arrays.items()} | {f"slices/{name}": a for name, a in cells.items()} | more


def restore(judge: "ModelJudge", header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raises StateCorrupt. What belongs to a contract that is not in force any more starts anew."""
    for name in TIMES:
        setattr(judge, name, header[name])
    judge.begun_ms = header.get("begun_ms", -1)
    judge.tallies, judge.explained = dict(header["tallies"]), dict(header["explained"])
    judge.exemplars = [Exemplar(list(s), r, v, t, h) for s, r, v, t, h in header["exemplars"]]
    judge.alerts.restore(header["alerts"])
    returned = judge.returned(judge.version, header.get("since_ms", judge.version.since_ms))
    judge.restore_rules({} if returned else header["rules"])
    judge.meter.restore({} if returned else header.get("meter", {}))
    if returned or (header["contract"], header["reference"]) != (judge.version.contract.id, judge.layout.reference_id):
        judge.end_others(())
        return
    banks = {name.removeprefix("bank/"): a for name, a in arrays.items() if name.startswith("bank/")}
    if judge.monitors.restore(header["monitors"], banks):
        now = judge.monitors.level_days
        for group in judge.monitors.groups.values():
            group.bank.rescale(now / header["level_days"])
            group.bank.level_days = now
    judge.recent.restore(list(header["slots"]), arrays)
    judge.advice.restore(header["advice"])
    judge.slices.restore(header.get("slices", {}), {n.removeprefix("slices/"): a for n, a in arrays.items() if n.startswith("slices/")})
    judge.standing.restore(header.get("standing", {}))
    if judge.learning:
        judge.learning.restore(header.get("learning", {}))
