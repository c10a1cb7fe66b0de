"""Does a segment say more than the page that stands on its whole? What it shares with it is no second fault (detection.md 7).

A fault everywhere is heard in one segment after the other, for weeks where events are few, and each dates it by its own events. While a page on the
whole (of a pair also: on one of its sides) is open, what a segment says by the same monitor joins that incident without a sound, unless the segment
is worse: farther beyond its own line, in logits, by the lower end of its interval than the whole is by its mean. What was held so is told after all
once it proves worse, or goes on when the whole is well again: then by what comes after the all-clear alone.
"""

from collections.abc import Mapping, Sequence
from math import exp, log
from typing import TYPE_CHECKING, Any

from anchorwatch.estimators.interval import beta_binomial_interval
from anchorwatch.stages.evidence import parents
from anchorwatch.watches.base import WHOLE, Ints, Monitor

if TYPE_CHECKING:
    from anchorwatch.stages.monitors import Heard, Monitors

MEMORY = 400.0  # events of the whole, times phi: how bad it is at present, in the whole and its segments alike, is read from about so many
EDGE = 1e-6


class Standing:
    def __init__(self) -> None:
        self.present: dict[str, tuple[float, float]] = {}  # monitor whose page is open -> events and bad ones of late, faded
        self.held: dict[str, str] = {}  # monitor of a segment -> the coarser segment whose page says it already

    def window(self, monitors: "Monitors", flat: Ints, heard: Sequence["Heard"]) -> list[str]:
        """Keys of what was held and is to be told now. flat: int64[layout.size], the window's counts; heard: what changed in it.

        Cost: some 20 us a page that is open.
        """
        standing = monitors.standing()
        self._count(monitors, flat, heard, {key: m for key, (m, _) in standing.items() if _comparable(m)})
        for each in heard:
            self.held.pop(each.monitor.key, None)
            if each.change.verdict in ("page", "warning") and each.change.n and (name := self._like(monitors, each)):
                self.held[each.monitor.key] = name
        said = {each.monitor.key for each in heard}
        fires = (key for key in self.held if key in self.present and not standing[key][1] and key not in said)
        worse = [key for key in fires if self._is_worse(monitors, key)]
        for key in worse:
            del self.held[key]
        return worse

    def _count(self, monitors: "Monitors", flat: Ints, heard: Sequence["Heard"], of: Mapping[str, Monitor]) -> None:
        """Fades by the events of the whole, so that a segment and the whole look back equally far."""
        fresh = {h.monitor.key: h for h in heard if h.change.verdict == "page" and not h.change.relapse}
        over = self.present.keys() - of.keys()
        alone = {
            key for key, name in self.held.items() if f"{_question(monitors, key)}/{name}" in over
        }  # the page on their whole just ended
        fades: dict[str, float] = {}
        now = {}
        for key, monitor in of.items():
            question = _question(monitors, key)
            if question not in fades:
                whole = monitors.find(key if f"{question}/{WHOLE}" not in monitors.places else f"{question}/{WHOLE}")
                fades[question] = exp(-_counted(monitors, whole, flat)[0] / _memory(monitors, whole))
            if key in fresh:
                now[key] = _began(fresh[key], _memory(monitors, monitor))
                continue
            (old_n, old_bad), (n, bad) = self.present.get(key, (0.0, 0.0)), _counted(monitors, monitor, flat)
            fade = 0.0 if key in alone else fades[question]
            now[key] = old_n * fade + n, old_bad * fade + bad
        self.present = now

    def _like(self, monitors: "Monitors", each: "Heard") -> str:
        """The coarser segment whose page is open and says as much; "": none does."""
        monitor = each.monitor
        if monitor.segment == WHOLE or not monitor.harm or not _comparable(monitor):
            return ""
        own = _beyond(monitors, monitor, *_began(each, _memory(monitors, monitor)), lower=True)
        for name in dict.fromkeys((*parents(monitors.layout, monitor.segment), WHOLE)):
            key = f"{_question(monitors, monitor.key)}/{name}"
            if key in self.present and own <= _beyond(monitors, monitors.find(key), *self.present[key]):
                return name
        return ""

    def _is_worse(self, monitors: "Monitors", key: str) -> bool:
        above = f"{_question(monitors, key)}/{self.held[key]}"
        most = max(_beyond(monitors, monitors.find(above), *self.present[above]), 0.0) if above in self.present else 0.0
        return _beyond(monitors, monitors.find(key), *self.present[key], lower=True) > most

    def snapshot(self) -> dict[str, Any]:
        return {"present": {key: list(counts) for key, counts in self.present.items()}, "held": dict(self.held)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.present = {key: (float(n), float(bad)) for key, (n, bad) in kept.get("present", {}).items()}
        self.held = dict(kept.get("held", {}))


def _question(monitors: "Monitors", key: str) -> str:
    """`quality:error@late/country=a/b` -> `quality:error@late`; the name of a class in a subject may hold a slash as well."""
    known = key in monitors.places  # a changed contract may have taken it away
    return key.removesuffix(f"/{monitors.find(key).segment}") if known else key.partition("/")[0]


def _comparable(monitor: Monitor) -> bool:
    """Has it one share of bad events: one 0/1 stream, or a table whose rows all judge one score by its fall?"""
    if monitor.tilt is None:
        return len(monitor.streams) == 1
    return monitor.tilt.heal.score.shape[1] == 1 and not bool(monitor.tilt.heal.up.any())


def _began(each: "Heard", memory: float) -> tuple[float, float]:
    """What it counted since the change, as if faded."""
    n, k = float(each.change.n), float(each.change.k)
    keep = min(memory / n, 1.0) if n else 1.0
    return n * keep, (k if each.monitor.tilt is None else n - k) * keep


def _counted(monitors: "Monitors", monitor: Monitor, flat: Ints) -> tuple[float, float]:
    """Events and bad ones of one window."""
    layout = monitors.layout
    if monitor.tilt is None:
        stream = monitor.streams[0]
        cells = layout.view(flat, stream.key)
        n = int(cells[monitor.row if stream.n_row is None else stream.n_row, stream.n].sum())
        k = int(cells[monitor.row, stream.k].sum())
        return float(n), float(n - k if stream.complement else k)
    counts = layout.view(flat, monitor.tilt.key)[monitor.row, monitor.tilt.symbols]
    n = int(counts.sum())
    return float(n), float(n - (counts * monitor.tilt.heal.score[0, 0, : len(counts)]).sum())


def _beyond(monitors: "Monitors", monitor: Monitor, n: float, bad: float, *, lower: bool = False) -> float:
    """How far the share of bad events lies beyond the monitor's own line, in logits; by the lower end of its interval, or by its mean."""
    if not n:
        return float("-inf")
    share = min(max(bad / n, 0.0), 1.0)
    if lower:
        share = beta_binomial_interval(share * n, n, phi=_phi(monitors, monitor))[0]
    line = monitor.streams[0].line if monitor.tilt is None else float(monitor.tilt.heal.line[0, 0])
    return round(_logit(share) - _logit(line), 6)


def _phi(monitors: "Monitors", monitor: Monitor) -> float:
    return monitors.layout.phi(monitor.key, 1)[0]


def _memory(monitors: "Monitors", monitor: Monitor) -> float:
    return MEMORY * _phi(monitors, monitor)


def _logit(p: float) -> float:
    p = min(max(p, EDGE), 1 - EDGE)
    return log(p / (1 - p))
