"""One model in the judge stage: its monitors, exact rules, recent numbers and alerts; one closed window after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal
from anchorwatch.events import Alert, Command, Exemplar, Finding, FlagChange, Summary
from anchorwatch.stages import endings, model_state
from anchorwatch.stages.advice import Advice
from anchorwatch.stages.evidence import Scene, exact_finding, exact_signal, finding_of, signal_of
from anchorwatch.stages.handover import OffsetsSince
from anchorwatch.stages.learning import Learning
from anchorwatch.stages.moments import ceil, moments
from anchorwatch.stages.monitors import Heard, Monitors
from anchorwatch.stages.pile import Pile
from anchorwatch.stages.recent import Recent
from anchorwatch.stages.registry import Version
from anchorwatch.stages.slices import Slices
from anchorwatch.stages.slices_told import slice_signals
from anchorwatch.stages.standing import Standing
from anchorwatch.stages.summary import summary_of
from anchorwatch.stages.windows import chosen
from anchorwatch.watches import siblings
from anchorwatch.watches.base import Ints
from anchorwatch.watches.pace import EVENTS, Meter
from anchorwatch.watches.rules import Exact, Facts, Rule

DAY_MS = 86_400_000
Window = tuple[int, int]


@dataclass(frozen=True)
class JudgeSettings:
    """Names of topics are whole."""

    findings: str
    alerts_events: str
    alerts_state: str
    partitions: int  # of findings and alerts
    window_ms: int = 10_000
    grace_ms: int = 30_000
    wall: bool = True
    pages_per_month: float = 1.0
    fallback_owner: str = "unowned"
    links_base: str = ""
    summary_ms: int = 60_000
    recent_ms: int = DAY_MS  # what people see covers


@dataclass
class Judged:
    """What one model says in one cut."""

    findings: list[Finding] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)


class ModelJudge:
    def __init__(self, version: Version, settings: JudgeSettings, level_days: float) -> None:
        self.settings = settings
        self.alerts = self._alerts(version)
        self.to_ms = -1  # judged up to here
        self.credited_ms = -1  # credit was given up to here
        self.last_ms = -1  # newest prediction
        self.begun_ms = -1  # of the first window judged
        self.offsets_since: OffsetsSince = lambda _: {}  # of its feed, which the judge gives
        self.tallies: dict[str, int] = {}  # since the last summary
        self.exemplars: list[Exemplar] = []
        self.ended: list[Alert] = []  # what nothing watches any more, to be told
        self.explained: dict[str, bool] = {}  # busy monitor -> whether it was said to explain its parents
        self.standing, self.summary_due = Standing(), -1
        self._take(version, level_days)

    def _alerts(self, version: Version) -> ModelAlerts:
        contract, settings = version.contract, self.settings
        steps = [{"to": step.to, "after": step.after} for step in contract.owner.escalation]  # in ms: a dump writes durations as text
        owner, runbook = {**contract.owner.model_dump(), "escalation": steps}, contract.owner.runbook or ""
        return ModelAlerts(
            contract.environment, contract.model, owner, runbook, settings.links_base, fallback_owner=settings.fallback_owner
        )

    def _take(self, version: Version, level_days: float) -> None:
        self.version, self.layout = version, version.layout
        self.monitors = Monitors(self.layout, level_days)
        self.rules: list[Rule] = [rule for watch in self.layout.watches for rule in watch.rules(self.layout)]
        self.recent = Recent(self.layout, self.settings.recent_ms)
        self.advice = Advice(self.layout)
        self.meter = Meter(self.layout, self.settings.window_ms)
        self.slices = Slices(self.layout, level_days)
        self.learning = Learning(self.layout, self.settings.window_ms) if self.layout.learning else None

    def change(self, version: Version, level_days: float) -> list[Alert]:
        """A contract was applied: monitors that did not change keep their evidence, exact rules their state; none if it had been removed.

        Returns the alerts that end since nothing watches them any more.
        """
        if version is self.version:
            if level_days != self.monitors.level_days:
                self.monitors.rescale(level_days)
                self.slices.rescale(level_days)
            ended, self.ended = self.ended, []
            return ended
        old, kept, alerts, advice, recent, meter = self.monitors, self.kept_rules(), self.alerts, self.advice, self.recent, self.meter
        slices = self.slices
        returned = self.returned(version, self.version.since_ms)
        self._take(version, level_days)
        self.alerts = self._alerts(version)  # it may have another owner now
        self.alerts.restore(alerts.snapshot())
        going_on = set() if returned else self.monitors.take_over(old)
        self.restore_rules({} if returned else kept)
        self.meter.restore({} if returned else meter.snapshot())
        self.slices.take_over(None if returned else slices)
        if old.layout.segments == self.layout.segments and recent.keys == self.recent.keys:  # keys name bins and classes too
            self.recent.slots = recent.slots
            self.advice.restore(advice.snapshot())
        return endings.accepted(self, old.layout) + endings.others(self, going_on)

    def returned(self, version: Version, since_ms: int) -> bool:
        """Was the contract removed in between? Its alerts ended then, and what it held against the model with them."""
        return version.since_ms > since_ms and self.to_ms <= version.since_ms

    def end_others(self, monitors: Iterable[str]) -> None:
        """To be told with the next change of contract or its absence."""
        self.ended = endings.others(self, monitors)

    def kept_rules(self) -> dict[str, Any]:
        return {type(rule).__name__: rule.snapshot() for rule in self.rules}

    def restore_rules(self, kept: Mapping[str, Any]) -> None:
        for rule in self.rules:
            rule.restore(kept.get(type(rule).__name__, {}))

    def command(self, command: Command, at_ms: int) -> list[Alert]:
        """What a person asks. A monitor whose alert a person ended starts from 0: what it knew was dealt with."""
        alerts = self.alerts.command(command, at_ms)
        if command.verb in ("resolve", "accept"):
            ended = [a.labels for a in alerts if a.state == "resolved"]
            self.monitors.reset([f"{a['watch']}:{a['subject']}/{a['segment']}" for a in ended if "subject" in a])
            self.slices.reset([a["segment"] for a in ended if a["watch"] == "slices"])
        return alerts

    # windows

    def note(self, tallies: Mapping[str, int]) -> None:
        """What was noted, repaired or refused, for the next summary."""
        for name, n in tallies.items():
            self.tallies[name] = self.tallies.get(name, 0) + n

    def window(self, window: Window, pile: Pile, flags: Sequence[FlagChange], closed_by: str, at_ms: int) -> Judged:
        """One closed window with content. flags: all changes known of this model's flags, oldest first."""
        judged = self.pass_time(window[0], flags, closed_by, at_ms)
        days, self.to_ms = self._credit(window), window[1]
        self.begun_ms = self.begun_ms if self.begun_ms >= 0 else window[0]
        self.last_ms = max(self.last_ms, pile.last_ms)
        self._spells(pile.flat, window[1])
        known = self._known(flags, window[1])
        if pile.siblings_known and not siblings.is_off(known):
            siblings.derive(self.rules, pile.flat, window)
        self.recent.add(pile.flat, window[1], pile.apart)
        self.exemplars = chosen([*pile.exemplars, *self.exemplars]) if pile.exemplars else self.exemplars
        if pile.strange:
            self.note({"strange_counts": pile.strange})
        heard = self.monitors.window(pile.flat, days, *window)
        worse = self.standing.window(self.monitors, pile.flat, heard)
        scene = self._scene(window, closed_by)
        facts = Facts(
            *window, pile.flat, pile.fields, pile.looked_at, self.last_ms, known, pile.reasons, self.version.since_ms, pile.fallen
        )
        signals = self._exact(facts, closed_by, judged)
        signals += self._signals(scene, heard, pile.exemplars, judged)
        signals += slice_signals(self, scene, self.slices.window(pile.apart, window, pile.drawn), judged.findings)
        signals += self.advice.window(pile.flat, window)
        judged.alerts += self.alerts.window(window, signals, {}, at_ms) + self.alerts.apart(worse, window, at_ms)
        if self.learning:
            self.learning.window(pile.flat, window, self.alerts.harmed_ms)
        self._summarise(judged)
        return judged

    def _credit(self, window: Window) -> float:
        """Days of event time since the window before that earned some."""
        begin = self.credited_ms if self.credited_ms >= 0 else window[0]
        self.credited_ms = window[1]
        return max(window[1] - begin, 0) / DAY_MS

    def _spells(self, flat: Ints, to_ms: int) -> bool:
        """Adds the spells that ended with this window to its counts; True when there were some."""
        events = int(self.layout.view(flat, EVENTS.key)[0, 0]) if EVENTS.key in self.layout.counts else 0
        ended = self.meter.advance(to_ms, events, counts=self.traffic not in ("switched off", "retired"))
        for key, symbols in ended.items():
            if key in self.layout.counts:
                self.layout.view(flat, key)[0] += symbols
        return bool(ended)

    def _scene(self, window: Window, closed_by: str) -> Scene:
        margin, held = self.settings.grace_ms + 2 * self.settings.window_ms, self.standing.held
        return Scene(self.layout, self.monitors, self.recent, window, closed_by, self.begun_ms, margin, self.offsets_since, held)

    def _signals(self, scene: Scene, heard: Sequence[Heard], fresh: list[Exemplar], judged: Judged) -> list[Signal]:
        exemplars = chosen([*fresh, *self.exemplars])
        gone = {field for rule in self.rules for field in getattr(rule, "gone", ())}
        signals = []
        for each in heard:
            signal = signal_of(scene, each, exemplars, self.explained.get(each.monitor.key))
            if advice := self.advice.beside(each.monitor):
                signal = replace(signal, evidence={**signal.evidence, "advice": advice})
            self.remember(each, signal)
            judged.findings.append(finding_of(scene, each, signal))
            if each.monitor.watch == "inputs" and each.monitor.group in gone and signal.fires:
                continue  # an exact alert says it better: the field is gone, not a little more missing in sixteen segments
            signals.append(signal)
        return signals

    def remember(self, heard: Heard, signal: Signal) -> None:
        """Whether it was said to explain the whole, until it is quiet."""
        if heard.change.verdict == "quiet":
            self.explained.pop(heard.monitor.key, None)
        else:
            self.explained[heard.monitor.key] = bool(signal.evidence["explains_whole"])

    def _exact(self, facts: Facts, closed_by: str, judged: Judged) -> list[Signal]:
        window = (facts.to_ms - self.settings.window_ms, facts.to_ms)
        signals = [self._tell(exact, window, closed_by, judged) for rule in self.rules for exact in rule.window(facts)]
        # alerting takes one verdict a window: of a flag that went off and on within it the last one, else the alert would never end
        return list({(s.watch, s.subject, s.segment, s.name): s for s in signals}.values())

    def _tell(self, exact: Exact, window: Window, closed_by: str, judged: Judged) -> Signal:
        signal = exact_signal(self._scene(window, closed_by), exact, self.exemplars if exact.open else [])
        judged.findings.append(exact_finding(self.layout, exact, signal, window, closed_by))
        return signal

    def pass_time(self, to_ms: int, flags: Sequence[FlagChange], closed_by: str, at_ms: int) -> Judged:
        """Windows without content up to `to_ms`. Rules are asked when time alone may change their answer, however far the watermark jumps."""
        judged = Judged()
        if to_ms <= self.to_ms:
            return judged
        step, times = (
            self.settings.window_ms,
            moments(self.rules, (self.last_ms, self.version.since_ms), to_ms, flags, self.settings.window_ms),
        )
        while self.to_ms < to_ms:
            moment = min(m for m in (*times, ceil(self.alerts.due_ms, step), self._silent_spell()) if self.to_ms < m <= to_ms)
            begin = self.to_ms if self.to_ms >= 0 else moment - step
            facts = Facts(begin, moment, None, {}, 0, self.last_ms, self._known(flags, moment), {}, self.version.since_ms)
            signals, due = self._exact(facts, closed_by, judged), self.alerts.due_ms
            signals += self._silence((moment - step, moment), closed_by, judged)
            if signals or (due is not None and due <= moment):
                judged.alerts += self.alerts.window((moment - step, moment), signals, {}, at_ms)
            self.to_ms = moment
            self._summarise(judged)
        return judged

    def _silent_spell(self) -> int:
        """When the next one ends, while that could change what is said; -1: never."""
        return self.meter.next_end() if self.monitors.may_open("alive:traffic/whole") else -1

    def _silence(self, window: Window, closed_by: str, judged: Judged) -> list[Signal]:
        """Evidence of a window in which nothing came: spells that ended with it."""
        flat = np.zeros(self.layout.size, np.int64)
        if not self._spells(flat, window[1]):
            return []
        heard = self.monitors.window(flat, self._credit(window), *window)
        return self._signals(self._scene(window, closed_by), heard, [], judged)

    @staticmethod
    def _known(flags: Sequence[FlagChange], to_ms: int) -> list[FlagChange]:
        return [f for f in flags if int(f.changed_at_ms or 0) < to_ms]

    def _summarise(self, judged: Judged) -> None:
        every = self.settings.summary_ms
        if self.summary_due < 0:
            self.summary_due = self.to_ms // every * every + every
        if self.to_ms >= self.summary_due:
            judged.summaries.append(summary_of(self))
            self.summary_due = self.to_ms // every * every + every
            self.tallies = {}

    @property
    def traffic(self) -> str:
        """alive, dark, switched off, retired."""
        for rule in self.rules:
            off = getattr(rule, "off", None)
            if off is not None:
                return "retired" if off.get("announced") else "switched off"
            if getattr(rule, "dark_since", None) is not None:
                return "dark"
        return "alive" if self.last_ms >= 0 else "no traffic yet"

    # state

    def snapshot(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return model_state.snapshot(self)

    def restore(self, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        model_state.restore(self, header, arrays)
