"""What is remembered of an alert and of an incident: plain data, bounded, the same after a round trip through msgpack."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from anchorwatch.alerting.signal import RANK, Signal
from anchorwatch.alerting.states import State
from anchorwatch.events import Severity

Window = tuple[int, int]  # [from, to) in ms of event time

TRACES_MAX = 16  # of a signal; the judge puts the most telling first
CAUSES_MAX = 8
VOICES_MAX = 32  # alert names of one dedup key; there are fewer in the catalogue
ITEMS_MAX = 240  # of one list or map inside evidence: 120 rows of a series, twice that for safety; the rest is left out
DEPTH_MAX = 6
TEXT_MAX = 4_096  # characters of one text inside evidence


class Kept(msgspec.Struct):
    """One alert, open or resolved less than 7 days ago."""

    key: str
    id: str
    name: str  # alertname of the voice that opened it, while that fires; then of the loudest that does
    state: State
    severity: Severity
    harm: bool
    opened: Window
    since_ms: int
    onset: Window
    words: Signal  # the loudest voice's newest words
    voices: dict[str, Signal] = {}  # alert name -> its last verdict; several monitors may share watch, subject and segment
    sequence: int = 0
    changed_ms: int = 0
    incident: str = ""
    offsets: dict[str, tuple[int, int]] = {}
    acked: bool = False
    healthy_since_ms: int | None = None  # since it began to recover; None while it fires
    fresh_ms: int = -1  # the health before this episode began here and lasted a day: who was told before has to be told anew
    held: bool = False  # said no more than the page on its whole, in whose incident it lies
    back_ms: int | None = None  # since when it fires again, where it was resolved less than a day before
    resolved_ms: int | None = None
    by_person: bool = False
    reason: str = ""
    actor: str = ""

    @property
    def open(self) -> bool:
        return self.state not in ("resolved", "quiet")

    @property
    def firing(self) -> list[Signal]:
        return [voice for voice in self.voices.values() if voice.fires]

    def hear(self, group: Sequence[Signal]) -> None:
        """Take one window's signals of this key: the newest words, and who still speaks. A return of a voice never heard is ignored."""
        group = sorted(group, key=lambda signal: (signal.fires, signal.verdict == "recovering", loudness(signal)))
        full = {}
        for signal in group:  # the loudest last: it has the last word, whatever the order of arrival
            if signal.verdict == "quiet":
                self.voices.pop(signal.name, None)
            elif signal.name in self.voices or (signal.fires and len(self.voices) < VOICES_MAX):
                full[signal.name] = plain_signal(signal)
                self.voices[signal.name] = slimmed(full[signal.name])
        if self.firing:
            loudest = max(self.firing, key=loudness)
            if loudest.name in full or loudest.name != self.words.name:
                self.words = full.get(loudest.name, loudest)
            self.name = self.name if self.name in (voice.name for voice in self.firing) else loudest.name
        elif group[-1].summary:  # what the all-clear says of itself
            self.words = plain_signal(group[-1])

    def told(self) -> None:
        """It was written with its picture; what many warnings need not carry through every snapshot leaves."""
        if self.severity != "critical":
            self.words = replace(self.words, evidence={name: value for name, value in self.words.evidence.items() if name != "series"})

    def over(self) -> None:
        """What a resolved alert still needs for 7 days: its identity, no pictures."""
        self.voices = {}
        self.words = slimmed(self.words)


class Incident(msgspec.Struct):
    """Alerts with one cause. `onset`: hull of its members' onsets; `told`: when people were last told, by severity (event time)."""

    id: str
    opened_ms: int
    opener_since_ms: int
    onset: Window
    told: dict[Severity, int] = {}
    woke_ms: int | None = None  # by the judge's clock: escalation counts from here
    reached: int = 0  # escalation steps
    closed_ms: int | None = None
    owed_ms: int | None = None  # event time from which a member that came back, and that nobody heard of, is told after all
    returns: int = 0  # told so without a day of health between them: each waits twice as long as the one before
    news: bool = False  # of what got better: faults and news of one time are no one story
    silence_told_ms: int | None = None  # when people last heard that the model does not speak at all

    def last_told(self, severity: Severity) -> int | None:
        """When people last heard of something at least that severe; None: never."""
        return max((at for told, at in self.told.items() if RANK[told] >= RANK[severity]), default=None)


def loudness(signal: Signal) -> tuple[int, bool, int]:
    """Severity, then harm before causes, then the earlier one."""
    return RANK[signal.severity], signal.harm, -signal.since_ms


def short_hash(*parts: str | int) -> str:
    """16 hex digits. Parts are joined by a byte that none of them holds."""
    return hashlib.blake2b("\x00".join(map(str, parts)).encode("utf-8", "replace"), digest_size=8).hexdigest()


def plain_signal(signal: Signal) -> Signal:
    """The same with bounded, finite, plain values: what may be stored and written as strict JSON."""
    return replace(
        signal,
        onset=(int(signal.onset[0]), int(signal.onset[1])),
        since_ms=int(signal.since_ms),
        evidence=plain(dict(signal.evidence)),
        impact=plain(dict(signal.impact)),
        traces=[str(trace) for trace in signal.traces[:TRACES_MAX]],
        caused_by=[plain(dict(cause)) for cause in signal.caused_by[:CAUSES_MAX]],
    )


def slimmed(signal: Signal) -> Signal:
    """Without pictures and long texts."""
    evidence = {name: value for name, value in signal.evidence.items() if isinstance(value, str | int | float | bool | None)}
    return replace(signal, evidence=evidence, traces=list(signal.traces[:1]), description="")


def plain(value: Any, depth: int = 0) -> Any:
    """Numbers that are not finite become null, numpy's become Python's, tuples lists; bounded in items, depth and text.

    >>> plain({"p": float("nan"), "interval": (0.1, 0.2)})
    {'p': None, 'interval': [0.1, 0.2]}
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return value if len(value) <= TEXT_MAX else value[: TEXT_MAX - 1] + "…"
    if depth >= DEPTH_MAX:
        return None
    if isinstance(value, Mapping):
        return {str(name): plain(inner, depth + 1) for name, inner in list(value.items())[:ITEMS_MAX]}
    if hasattr(value, "tolist"):
        return plain(value.tolist(), depth)
    if isinstance(value, Sequence | set | frozenset):
        return [plain(inner, depth + 1) for inner in list(value)[:ITEMS_MAX]]
    return plain(str(value), depth)
