"""River's detectors, and ours under their names, beside the budgeted monitors: advice, never a page.

They have no false-alarm dial, so what ADWIN takes for the present error is shown beside a finding; a detector that a contract names
(`watches.<watch>.detectors`) raises a warning marked "outside the budget" (detection.md 4). Asked are the 0/1 streams of the whole and of
the `always` segments: .2 to 4 us an event and named detector.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from anchorwatch.alerting.signal import Signal
from anchorwatch.contract import Contract
from anchorwatch.estimators.adwin import ADWIN
from anchorwatch.estimators.base import Detector, catalogue
from anchorwatch.estimators.e_detector import EDetector
from anchorwatch.estimators.hddm_a import HDDMA
from anchorwatch.watches.base import WHOLE, Explained, Ints, Monitor, Seen, Watch
from anchorwatch.watches.layout import Layout

DELTA = 0.05  # for matured errors: 0 to 0.1 false alarms in 10,000 events
BACK = 0.01  # above the share before: within it is well again, beyond it is worth a word
EVENTS_MAX = 20_000  # of a window fed to a detector; above: in proportion, since the rest says nothing new
NOW, BEFORE = 200, 20_000  # events that are the present, and what the past remembers
ALWAYS = {"quality": ("adwin",)}  # shown beside findings, whether a contract names it or not


class Stream(NamedTuple):
    """Of the symbols `n` of a count, those in `k` are ones."""

    watch: str
    subject: str
    segment: str
    key: str
    row: int
    n: Ints
    k: Ints
    line: float | None

    @property
    def name(self) -> str:
        return f"{self.watch}:{self.subject}/{self.segment}"


class Share:
    """The share of ones just now, and before: what tells a rise from a fall, whatever a detector keeps."""

    def __init__(self) -> None:
        self.past, self.recent = [0.0, 0.0], [[0.0, 0.0]]  # n, k of what left `recent`; of the last windows

    def add(self, n: int, k: int) -> None:
        self.recent.append([float(n), float(k)])
        total = sum(n for n, _ in self.recent)
        while total - self.recent[0][0] >= NOW:
            old = self.recent.pop(0)
            total -= old[0]
            self.past = [a + b for a, b in zip(self.past, old, strict=True)]
            if self.past[0] > BEFORE:
                self.past = [a * BEFORE / self.past[0] for a in self.past]

    @property
    def before(self) -> float | None:
        return self.past[1] / self.past[0] if self.past[0] >= 1 else None

    @property
    def now(self) -> tuple[int, float | None]:
        n, k = (sum(part) for part in zip(*self.recent, strict=True))
        return int(n), k / n if n else None


class Advice:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.streams = {stream.name: stream for stream in _streams(layout)}
        self.shares = {name: Share() for name in self.streams}
        self.detectors: dict[tuple[str, str], Detector] = {}  # (stream, name of the detector)
        self.named = {(name, kind) for name, stream in self.streams.items() for kind in named(layout.contract, stream.watch)}
        for name, stream in self.streams.items():
            for kind in dict.fromkeys([*ALWAYS.get(stream.watch, ()), *named(layout.contract, stream.watch)]):
                self.detectors[name, kind] = _made(kind, stream.line)
        self.open: dict[tuple[str, str], tuple[int, float]] = {}  # -> (since ms, share before): ends when it is back there

    def window(self, flat: Ints, window: tuple[int, int]) -> list[Signal]:
        drifted = set()
        for name, stream in self.streams.items():
            cells = self.layout.view(flat, stream.key)[stream.row]
            n, k = int(cells[stream.n].sum()), int(cells[stream.k].sum())
            if not n:
                continue
            self.shares[name].add(n, k)
            if n > EVENTS_MAX:
                n, k = EVENTS_MAX, k * EVENTS_MAX // n
            drifted |= {at for at, detector in self.detectors.items() if at[0] == name and detector.feed(n, k)}
        return [told for at in self.detectors if (told := self._told(at, at in drifted, window)) is not None]

    def _told(self, at: tuple[str, str], drifted: bool, window: tuple[int, int]) -> Signal | None:
        share = self.shares[at[0]]
        if at not in self.named:
            return None
        _, now = share.now
        if at in self.open:
            since, usual = self.open[at]
            if now is None or now > usual + BACK:
                return None
            del self.open[at]
            return replace(self._signal(at, window, usual), verdict="quiet", since_ms=since)
        before = share.before
        if not drifted or before is None or now is None or now <= before + BACK:
            return None  # a fall is good news
        self.open[at] = (window[0], before)
        return self._signal(at, window, before)

    def _signal(self, at: tuple[str, str], window: tuple[int, int], before: float) -> Signal:
        stream, (n, now) = self.streams[at[0]], self.shares[at[0]].now
        watch = next(w for w in self.layout.watches if w.name == stream.watch)
        explained = _explained(watch, stream, n, now, before)
        what = stream.subject.partition("@")[0] + ("" if stream.segment == WHOLE else f" on {stream.segment}")
        text = (
            f"{at[1]} sees another {what}: {100 * (now or 0):.3g} % of the last {n} (before: {100 * before:.3g} %)."
            " Advice, outside the budget."
        )
        evidence = {
            "metric": stream.subject, "current": now, "reference": before, "n": n, "detector": at[1], "unit": "1", "line": stream.line,
        }  # fmt: skip
        return Signal(
            watch=stream.watch, subject=f"{stream.subject}.{at[1]}", segment=stream.segment, verdict="exact", name=explained.name,
            severity="warning", harm=False, summary=text, since_ms=window[0], onset=window, evidence=evidence, outside_budget=True,
        )  # fmt: skip

    def beside(self, monitor: Monitor) -> dict[str, dict[str, Any]]:
        """What detectors take for the present of this monitor's stream: name -> n events of one kind and their mean. Empty: not asked."""
        found = {kind: detector.level() for (name, kind), detector in self.detectors.items() if name == monitor.key}
        return {kind: {"n": level.n, "mean": level.mean} for kind, level in found.items() if level.n and level.mean is not None}

    def holds(self) -> list[tuple[str, str, str]]:
        """(watch, subject, segment) of what is open."""
        parts = [(self.streams[name], kind) for name, kind in self.open]
        return [(stream.watch, f"{stream.subject}.{kind}", stream.segment) for stream, kind in parts]

    # state

    def snapshot(self) -> dict[str, Any]:
        shares = {name: [share.past, share.recent] for name, share in self.shares.items()}
        detectors = [[*at, detector.snapshot()] for at, detector in self.detectors.items()]
        return {"shares": shares, "kept": detectors, "open": [[*at, *since] for at, since in self.open.items()]}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """What is watched no more is left out. Older state knows ADWIN on errors alone, by segment: it goes on."""
        older = [[f"quality:error@late/{segment}", "adwin", state] for segment, state in kept.get("detectors", {}).items()]
        for name, kind, state in [*older, *kept.get("kept", ())]:
            if (name, kind) in self.detectors:
                self.detectors[name, kind].restore(state)
        for name, (past, recent) in kept.get("shares", {}).items():
            if name in self.shares:
                self.shares[name].past, self.shares[name].recent = [float(v) for v in past], [[float(v) for v in w] for w in recent]
        told = kept["open"]
        if isinstance(told, Mapping):
            told = [[f"quality:error@late/{segment}", "adwin", *since] for segment, since in told.items()]
        self.open = {(name, kind): (int(since), float(usual)) for name, kind, since, usual in told if (name, kind) in self.named}


def named(contract: Contract, watch: str) -> tuple[str, ...]:
    """Detectors that the contract names. Names that are none were refused before; here they are passed over."""
    setting = contract.watches.get(watch)
    return tuple(kind for kind in setting.detectors if kind in known()) if setting is not None and setting.detectors else ()


@cache
def known() -> dict[str, type[Detector]]:
    """Looked for once: it reads a folder."""
    return catalogue()


def _made(kind: str, line: float | None) -> Detector:
    if kind == "adwin":
        return ADWIN(delta=DELTA)
    if kind == "hddm_a":
        return HDDMA(two_sided_test=True)  # else it never learns that the share fell again
    if kind == "e_detector" and line is not None:
        return EDetector(line=min(max(line, 1e-4), 1 - 1e-4))
    return known()[kind]()


def _streams(layout: Layout) -> Iterator[Stream]:
    """Shares that are asked about: matured errors, and the rises that a watch with named detectors judges."""
    segments = {WHOLE, *layout.contract.segments.always} & set(layout.rows)
    seen = set()
    for stream in (*_errors(layout), *_judged(layout)):
        if stream.segment in segments and stream.name not in seen:
            seen.add(stream.name)
            yield stream


def _errors(layout: Layout) -> Iterator[Stream]:
    """Of classes, whether or not there is a line for them yet."""
    key = next((key for key, count in layout.counts.items() if count.name == "confusion@late"), None)
    if key is None:
        return
    side = len(layout.classes) + 1
    cells = np.arange(side * side)
    wrong = cells[cells // side != cells % side]
    for segment, row in layout.rows.items():
        yield Stream("quality", "error@late", segment, key, row, cells, wrong, None)


def _judged(layout: Layout) -> Iterator[Stream]:
    for monitor in layout.monitors if any(setting.detectors for setting in layout.contract.watches.values()) else ():
        if not named(layout.contract, monitor.watch):
            continue
        for stream in monitor.streams:
            if stream.direction == "up" and stream.n_row is None and not stream.complement:
                yield Stream(monitor.watch, monitor.subject, monitor.segment, stream.key, monitor.row, stream.n, stream.k, stream.line)


def _explained(watch: Watch, stream: Stream, n: int, now: float | None, before: float) -> Explained:
    """The watch's own name for it."""
    return watch.explain(
        Seen(stream.segment, stream.subject, "up", "", before, stream.line, now, None, n, "1", False, 1.0),
    )
