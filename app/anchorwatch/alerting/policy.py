"""When does a person hear of it? All alerts of one model: states, incidents, silences, escalation. Pure: same calls, same records.

    signals of a window --> voices of a key --> event of `states.TABLE` --> incident --> loud or an edit --> Alert records

An incident speaks once per severity: ten segments of one fault wake once, and what fires again within 7 days keeps its id. It wakes anew
after a day of health; before, only when it lasts (`returns.py`): who was told that it is over has to hear that it is not.
Two clocks: `window` carries event time, which decides states, ids and dates; `at_ms` and `wall_ms` are the clock that the judge is given
(the wall's in production, the events' own in backtest), which decides silences and escalation.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from anchorwatch.alerting import incidents, owners, returns, states, words
from anchorwatch.alerting.kept import Incident, Kept, Window, loudness, plain_signal, short_hash
from anchorwatch.alerting.memory import REMEMBERED_MS, Memory, restored
from anchorwatch.alerting.signal import RANK, Signal
from anchorwatch.events import Alert, Command, Severity

_REASONS = {"accept": "accepted as normal: ", "retire": "no longer watched, retired: "}


class ModelAlerts:
    """The alerts of one model in one environment.

    owner: as declared by the contract (`owners.owner_of`), or None: then `fallback_owner` is told.
    Bounds: 2,000 alerts, 200 silences, 64 kB a record. Nothing is written while no verdict changes.
    """

    def __init__(
        self,
        environment: str,
        model: str,
        owner: Mapping[str, Any] | None,
        runbook: str = "",
        links_base: str = "",
        *,
        fallback_owner: str = "",
    ) -> None:
        declared = owners.owner_of(owner, fallback_owner)
        self.model = words.Model(environment, model, declared, runbook or declared["runbook"], links_base.rstrip("/"))
        self._memory = Memory()

    # --- what happens -----------------------------------------------------------------------------------------------------------

    def window(self, window: Window, signals: Sequence[Signal], offsets: Mapping[str, Window], at_ms: int) -> list[Alert]:
        """Signals of one closed window -> records, by incident, its headline first. The order of signals does not matter.

        window: [from, to) in event time; offsets: `<role>-<partition>` -> [from, to), kept as evidence; at_ms: the judge's clock.
        """
        memory = self._memory
        memory.seen_ms = max(memory.seen_ms, window[1])
        groups: dict[str, list[Signal]] = {}
        for signal in signals:
            groups.setdefault(signal.dedup_key(self.model.environment, self.model.name), []).append(signal)
        changed = [kept for key, group in sorted(groups.items(), key=_by_loudness) if (kept := self._hear(key, group, window, offsets))]
        joined: set[str] = set()
        for kept in sorted(changed, key=_shares):
            before = kept.incident
            if kept.state == "firing" and incidents.place(kept, memory.incidents, window, self.model.key, memory.alerts.values()):
                joined.add(kept.incident)
            if before not in ("", kept.incident):
                memory.sweep(before)
        for lead in returns.lasting(memory, window[1], lambda kept: self._silenced(kept, at_ms) is not None):
            lead.reason, lead.actor = "it came back, and lasts", ""
            changed += [] if lead in changed else [lead]
        return self._tell(changed, window[1], at_ms, sounding={kept.key for kept in changed}, joined=joined)

    def apart(self, monitors: Sequence[str], window: Window, at_ms: int) -> list[Alert]:
        """What was held by the page on its whole proves worse, or goes on without it: told after all, in an incident of its own.

        monitors: `<watch>:<subject>/<segment>`.
        """
        memory, told = self._memory, []
        for kept in memory.alerts.values() if monitors else ():
            if kept.held and kept.state == "firing" and f"{kept.words.watch}:{kept.words.subject}/{kept.words.segment}" in monitors:
                evidence = {name: value for name, value in kept.words.evidence.items() if name != "shared_with"}
                kept.words = replace(kept.words, evidence=evidence)
                incidents.place(kept, memory.incidents, window, self.model.key)
                kept.reason, kept.actor = "it is worse than the whole by now", ""
                told.append(kept)
        return self._tell(told, window[1], at_ms, sounding={kept.key for kept in told})

    def command(self, command: Command, at_ms: int) -> list[Alert]:
        """What a person asks of the alerts that `command.target` names: dedup key, alert id, incident or `<environment>/<model>`.

        The caller applies a command once (it keeps the offset of the last one); twice does no harm. Other models' targets give [].
        `retire` and `accept` end alerts here and do more elsewhere.
        """
        if command.verb == "silence":
            return self._silence(command, at_ms)
        if command.verb == "unretire":
            return []
        event: states.Event = "ack" if command.verb == "ack" else "resolve"
        told = [kept for kept in self._targets(command.target) if self._step(kept, event, at_ms, by_person=True)]
        for kept in told:
            kept.reason, kept.actor = _REASONS.get(command.verb, "") + command.reason, command.actor
            kept.acked = kept.acked or event == "ack"
        return self._tell(told, at_ms, at_ms)

    def keep_only(self, watched: Container[str], at_ms: int, why: str = "no longer watched") -> list[Alert]:
        """After a changed contract: open alerts whose dedup key no monitor carries any more are resolved."""
        left = [kept for kept in self._memory.alerts.values() if kept.key not in watched and self._step(kept, "clear", at_ms)]
        for kept in left:
            kept.reason, kept.actor = why, ""
        return self._tell(left, at_ms, at_ms)

    def tick(self, wall_ms: int) -> list[Alert]:
        """What time alone does: silences end, nobody acknowledged (next step), resolved alerts are forgotten (then see `gone`)."""
        alerts = self._end_silences(wall_ms) + self._escalate(wall_ms)
        self._memory.forget(min(wall_ms, self._memory.seen_ms))
        return alerts

    # --- what is so -------------------------------------------------------------------------------------------------------------

    def open(self) -> list[Alert]:
        """Every alert that is not resolved, with its last sequence, headlines first; `loud` is False."""
        return [
            alert
            for incident in sorted(self._memory.incidents.values(), key=_age)
            for alert in self._written(incident, [kept for kept in self._memory.members(incident.id) if kept.open])
        ]

    def gone(self) -> list[str]:
        """Dedup keys forgotten since the last call: tombstones for `alerts.state`. Ask in the cut that writes the records."""
        keys, self._memory.gone = list(self._memory.gone), {}
        return keys

    @property
    def harmed_ms(self) -> int | None:
        """Since when some harm is open, event time; None: none is."""
        return min((kept.since_ms for kept in self._memory.alerts.values() if kept.open and kept.harm), default=None)

    @property
    def due_ms(self) -> int | None:
        """Event time from which `window` has something to tell without any signal: what came back and lasts; None: nothing waits."""
        return min((incident.owed_ms for incident in self._memory.incidents.values() if incident.owed_ms is not None), default=None)

    @property
    def refused(self) -> int:
        """Alerts that were not opened since too many others are open."""
        return self._memory.refused

    def snapshot(self) -> dict[str, Any]:
        """Plain data for msgpack, versioned; whoever restores it has the same future."""
        return self._memory.snapshot()

    def restore(self, data: Mapping[str, Any]) -> None:
        """Continue from a snapshot. Raises StateCorrupt for another version or shape; nothing is changed then."""
        self._memory = restored(data, self.model.key)

    # --- one alert --------------------------------------------------------------------------------------------------------------

    def _hear(self, key: str, group: Sequence[Signal], window: Window, offsets: Mapping[str, Window]) -> Kept | None:
        """The alert whose state changed, if it did."""
        kept = self._memory.alerts.get(key)
        if kept is not None and kept.resolved_ms is not None and window[1] - kept.resolved_ms > REMEMBERED_MS:
            self._memory.drop(kept)
            kept = None
        kept = kept or self._newcomer(key, group, window)
        if kept is None or (kept.by_person and _known_episode(kept, group)):
            return None
        before, name = kept.severity, kept.name
        kept.hear(group)
        event, severity = _event(kept)
        if not self._step(kept, event, window[1], severity):
            return kept if kept.open and kept.name != name else None  # another fault of the same field goes on in place of the first
        kept.reason, kept.actor = ("all clear" if kept.state == "resolved" else ""), ""
        if kept.state == "firing":
            kept.offsets = {name: (int(span[0]), int(span[1])) for name, span in sorted(offsets.items())[: words.OFFSETS_MAX]}
            kept.acked = kept.acked and kept.severity == before
        return kept

    def _newcomer(self, key: str, group: Sequence[Signal], window: Window) -> Kept | None:
        firing = [plain_signal(signal) for signal in group if signal.fires]
        if not firing:
            return None
        first = max(firing, key=loudness)
        if not self._memory.room(first.severity):
            return None
        self._memory.gone.pop(key, None)
        kept = self._memory.alerts[key] = Kept(
            key=key,
            id=short_hash(key, *window),
            name=first.name,
            state="quiet",
            severity=first.severity,
            harm=first.harm,
            opened=window,
            since_ms=first.since_ms,
            onset=first.onset,
            words=first,
        )
        return kept

    def _step(self, kept: Kept, event: states.Event, at_ms: int, severity: Severity | None = None, *, by_person: bool = False) -> bool:
        """Apply one event of the table; False: nothing happened."""
        was, state = kept.state, states.after(kept.state, event)
        if state is None:
            return False
        kept.state = state
        if severity is not None and state == "firing":
            _fires(kept, was, severity, at_ms)
        elif state in ("recovering", "resolved") and kept.healthy_since_ms is None:
            kept.healthy_since_ms = at_ms
        if state == "resolved":
            kept.resolved_ms, kept.by_person, kept.back_ms = at_ms, by_person, None
            kept.over()
        return True

    # --- telling ----------------------------------------------------------------------------------------------------------------

    def _tell(
        self,
        changed: Iterable[Kept],
        at_ms: int,
        clock_ms: int,
        sounding: Container[str] = (),
        joined: Container[str] = (),
    ) -> list[Alert]:
        """Records of changed alerts, by incident, its headline first; the headline is told anew when others joined it."""
        groups: dict[str, list[Kept]] = {}
        for kept in changed:
            groups.setdefault(kept.incident, []).append(kept)
        alerts: list[Alert] = []
        for incident in sorted((self._memory.incidents[name] for name in groups), key=_age):
            group, members = groups[incident.id], self._memory.members(incident.id)
            if not any(kept.open for kept in members):
                incident.closed_ms, incident.owed_ms = at_ms, None
            lead = incidents.headline(members)
            if incident.id in joined and lead.open and lead not in group:
                group.append(lead)
            loud: set[str] = set()
            for kept in incidents.in_order(group):
                kept.sequence += 1
                kept.changed_ms = max(at_ms, kept.changed_ms)
                if kept.key in sounding and self._may_wake(kept, incident, at_ms, clock_ms):
                    loud.add(kept.key)
                    self._woke(kept, incident, at_ms, clock_ms)
            returns.owe(incident, group)
            alerts += self._written(incident, group, loud)
            for kept in group:
                kept.told()
        return alerts

    def _may_wake(self, kept: Kept, incident: Incident, at_ms: int, clock_ms: int) -> bool:
        """Who was woken because answers are slow or wrong does not know yet that there are none any more: of that an incident speaks once too."""
        if kept.state != "firing" or kept.acked or self._silenced(kept, clock_ms) is not None:
            return False
        last = incident.last_told(kept.severity)
        if _is_silence(kept) and last != at_ms:
            last = incident.silence_told_ms
        return last is None or last <= kept.fresh_ms

    def _woke(self, kept: Kept, incident: Incident, at_ms: int, clock_ms: int) -> None:
        incident.told[kept.severity] = at_ms
        incident.silence_told_ms = at_ms if _is_silence(kept) else incident.silence_told_ms
        if kept.severity == "critical":
            incident.woke_ms, incident.owed_ms = clock_ms, None
            incident.returns = incident.returns if kept.back_ms is not None else 0
            incident.reached = owners.steps_reached(self.model.owner, 0)

    def _written(self, incident: Incident, group: Sequence[Kept], loud: Container[str] = ()) -> list[Alert]:
        """Records of some members of one incident, headline first."""
        if not group:
            return []
        story = incidents.story(self._memory.members(incident.id))
        return [
            words.alert_of(self.model, kept, incident, story, self._silenced(kept), loud=kept.key in loud)
            for kept in incidents.in_order(group)
        ]

    # --- people and time --------------------------------------------------------------------------------------------------------

    def _targets(self, target: str) -> list[Kept]:
        return [kept for kept in self._memory.alerts.values() if target in self._names(kept)]

    def _names(self, kept: Kept) -> tuple[str, ...]:
        return kept.key, kept.id, kept.incident, self.model.key

    def _silenced(self, kept: Kept, clock_ms: int = 0) -> int | None:
        """Until when, by the judge's clock; None: not, or no longer at `clock_ms`."""
        until = max(self._memory.silences.get(name, 0) for name in self._names(kept))
        return until if until > clock_ms else None

    def _silence(self, command: Command, at_ms: int) -> list[Alert]:
        """Evaluation goes on without a sound. A key or model may be silenced before anything fires; `until_ms` in the past ends it."""
        known = [kept for kept in self._targets(command.target) if kept.open]
        if not known and command.target != self.model.key and not command.target.startswith(f"{self.model.key}/"):
            return []
        self._memory.silences.pop(command.target, None)
        if (command.until_ms or 0) > at_ms:
            self._memory.silence(command.target, command.until_ms or 0)
        for kept in known:
            kept.reason, kept.actor = command.reason, command.actor
        return self._tell(known, at_ms, at_ms, sounding={kept.key for kept in known})

    def _end_silences(self, wall_ms: int) -> list[Alert]:
        over = {target for target, until in self._memory.silences.items() if until <= wall_ms}
        for target in over:
            del self._memory.silences[target]
        heard = [
            kept
            for kept in (self._memory.alerts.values() if over else ())
            if kept.open and over.intersection(self._names(kept)) and self._silenced(kept, wall_ms) is None
        ]
        for kept in heard:
            kept.reason, kept.actor = "the silence is over", ""
            incident = self._memory.incidents[kept.incident]
            incident.woke_ms = wall_ms if incident.woke_ms is not None else None  # who silenced it looked at it: waiting begins anew
        return self._tell(heard, wall_ms, wall_ms, sounding={kept.key for kept in heard})

    def _escalate(self, wall_ms: int) -> list[Alert]:
        """Incidents that woke somebody and that nobody acknowledged: the next step hears of their headline."""
        alerts: list[Alert] = []
        for incident in sorted(self._memory.incidents.values(), key=_age):
            if incident.closed_ms is not None or incident.woke_ms is None:
                continue
            due = owners.steps_reached(self.model.owner, wall_ms - incident.woke_ms)
            if due <= incident.reached:
                continue
            critical = [kept for kept in self._memory.members(incident.id) if kept.severity == "critical" and kept.open]
            waiting = [kept for kept in critical if kept.state == "firing" and self._silenced(kept, wall_ms) is None]
            if not waiting or any(kept.acked for kept in critical):
                continue
            incident.reached = due
            lead = incidents.in_order(waiting)[0]
            self._step(lead, "overdue", wall_ms)
            lead.sequence += 1
            lead.changed_ms = max(wall_ms, lead.changed_ms)
            lead.reason, lead.actor = "nobody acknowledged in time", ""
            alerts += self._written(incident, [lead], {lead.key})
        return alerts


def _event(kept: Kept) -> tuple[states.Event, Severity]:
    """What the voices of an alert say together: any alarm outweighs a return, any return an all-clear."""
    if firing := kept.firing:
        severity = max((voice.severity for voice in firing), key=RANK.__getitem__)
        worse = kept.state != "quiet" and RANK[severity] > RANK[kept.severity]
        return ("worse" if worse else "alarm"), severity
    return ("heal" if kept.voices else "clear"), kept.severity


def _is_silence(kept: Kept) -> bool:
    """Does it say that the model is dark, switched off, or that its traffic goes elsewhere?"""
    return kept.words.watch == "alive" and kept.harm and kept.severity == "critical"


def _fires(kept: Kept, was: states.State, severity: Severity, at_ms: int) -> None:
    """It fires, again or worse. From resolved a new episode begins under the old id: its own date and severity."""
    if was == "resolved":
        kept.severity, kept.since_ms, kept.onset, kept.acked = severity, kept.words.since_ms, kept.words.onset, False
    elif RANK[severity] > RANK[kept.severity]:
        kept.severity = severity
    returns.came_back(kept, was, at_ms)
    kept.harm = kept.harm or kept.words.harm
    kept.healthy_since_ms, kept.resolved_ms, kept.by_person = None, None, False


def _known_episode(kept: Kept, group: Sequence[Signal]) -> bool:
    """Was this alarm dated, and no more severe, before a person resolved it? Then it is no news."""
    firing = [signal for signal in group if signal.fires]
    return all(signal.since_ms <= (kept.resolved_ms or 0) and RANK[signal.severity] <= RANK[kept.severity] for signal in firing)


def _shares(kept: Kept) -> bool:
    """What shares another's incident finds its place after that one."""
    return "shared_with" in kept.words.evidence


def _by_loudness(item: tuple[str, Sequence[Signal]]) -> tuple[int, str]:
    key, group = item
    return -max(RANK[signal.severity] for signal in group), key


def _age(incident: Incident) -> tuple[int, str]:
    return incident.opened_ms, incident.id
