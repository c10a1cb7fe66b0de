"""Whatever happens in whatever order: an alert never flaps, and what was told stays true."""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from anchorwatch.alerting import states
from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import PATIENCE_MS, Signal
from anchorwatch.events import Alert, Command

T0 = 1_795_338_720_000
DAY = 86_400_000
OWNER = {"team": "t", "escalation": [{"to": "a", "after": 0}, {"to": "b", "after": 1_800_000}]}

verdicts = st.sampled_from(
    [("page", "critical"), ("warning", "warning"), ("exact", "critical"), ("exact", "info"), ("recovering", "info"), ("quiet", "info")]
)
monitors = st.tuples(
    st.sampled_from(["quality", "inputs"]),
    st.sampled_from(["whole", "country=DE", "country=DE,tier=gold"]),
    st.sampled_from(["One", "Two"]),
)
steps_ms = st.sampled_from([10_000, 60_000, 3_600_000, DAY, 8 * DAY])


class Life(RuleBasedStateMachine):
    """A model under random signals, people, time and restarts, and everything that was told of it."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts = ModelAlerts("prod", "fraud", OWNER)
        self.now = T0
        self.told: dict[str, list[Alert]] = {}  # by id
        self.state: dict[str, Alert] = {}  # alerts.state, as compacted

    def hear(self, alerts: list[Alert]) -> None:
        seen_keys = [alert.dedup_key for alert in alerts]
        assert len(seen_keys) == len(set(seen_keys)), "one record an alert and change"
        for alert in alerts:
            before = self.told.setdefault(alert.id, [])
            self.check_step(before[-1] if before else None, alert)
            before.append(alert)
            self.state[alert.dedup_key] = alert
        for key in self.alerts.gone():
            assert self.state.pop(key).state == "resolved", "only what was told as over is forgotten"

    def check_step(self, before: Alert | None, alert: Alert) -> None:
        assert alert.sequence == (before.sequence + 1 if before else 1)
        if before is None:
            assert alert.state == "firing"
            return
        assert alert.dedup_key == before.dedup_key
        assert alert.at_ms >= before.at_ms
        if alert.state != before.state:
            assert alert.state in states.TABLE[before.state].values()

    @rule(said=st.lists(st.tuples(monitors, verdicts), max_size=5), ago=st.sampled_from([0, 60_000, 7_200_000]), step=steps_ms)
    def window(self, said: list[tuple[tuple[str, str, str], tuple[Any, Any]]], ago: int, step: int) -> None:
        self.now += step
        since = self.now - ago
        signals = [
            Signal(watch, "x", segment, verdict, name, severity, watch == "quality", "words", since, (since - 20_000, since + 20_000))
            for (watch, segment, name), (verdict, severity) in said
        ]
        alerts = self.alerts.window((self.now - 10_000, self.now), signals, {}, self.now)
        for alert in alerts:
            if alert.loud:
                self.check_quiet_before(alert)
        self.hear(alerts)

    def check_quiet_before(self, alert: Alert) -> None:
        """The same alert, no more severe, wakes again only after a day of health, or when it came back after an all-clear and lasts."""
        loud = [told for told in self.told.get(alert.id, []) if told.loud and told.labels["severity"] == alert.labels["severity"]]
        healed = [
            told for told in self.told.get(alert.id, []) if told.state in ("recovering", "resolved") and told.at_ms <= alert.at_ms - DAY
        ]
        over = [told for told in self.told.get(alert.id, []) if told.state == "resolved"]
        back = [told for told in self.told.get(alert.id, []) if over and told.sequence > over[-1].sequence]
        lasts = bool(back) and alert.at_ms - back[0].at_ms >= PATIENCE_MS
        assert not loud or healed or lasts, f"{alert.id} woke twice without a day of health, and did not last"

    @rule(verb=st.sampled_from(["ack", "resolve", "accept", "silence"]), which=st.integers(0, 10), step=steps_ms)
    def command(self, verb: Any, which: int, step: int) -> None:
        self.now += 1_000
        targets = ["prod/fraud", *sorted(self.state), *sorted({alert.incident for alert in self.state.values()})]
        order = Command(verb, targets[which % len(targets)], "ann", "because", self.now, self.now + step)
        self.hear(self.alerts.command(order, self.now))
        assert verb == "silence" or self.alerts.command(order, self.now) == [], "twice does no harm"

    @rule(step=steps_ms)
    def tick(self, step: int) -> None:
        self.now += step
        self.hear(self.alerts.tick(self.now))
        assert self.alerts.tick(self.now) == [], "time that stands changes nothing"

    @rule()
    def restart(self) -> None:
        twin = ModelAlerts("prod", "fraud", OWNER)
        twin.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(self.alerts.snapshot())))
        self.alerts = twin

    @invariant()
    def what_was_told_last_is_so(self) -> None:
        """The compacted topic names exactly what is open."""
        assert {alert.dedup_key: alert.sequence for alert in self.alerts.open()} == {
            key: alert.sequence for key, alert in self.state.items() if alert.state != "resolved"
        }

    @invariant()
    def who_fires_bears_the_name_of_one_that_speaks(self) -> None:
        for kept in self.alerts.snapshot()["alerts"].values():
            speaking = {name for name, voice in kept["voices"].items() if voice["verdict"] in ("page", "warning", "exact")}
            assert not speaking or kept["name"] in speaking, kept["key"]
        for alert in self.alerts.open():
            assert alert.labels["alertname"] == self.state[alert.dedup_key].labels["alertname"], "a new name is told"

    @invariant()
    def a_closed_incident_has_no_open_member(self) -> None:
        memory = self.alerts.snapshot()
        by_incident: dict[str, list[str]] = {name: [] for name in memory["incidents"]}
        for kept in memory["alerts"].values():
            by_incident[kept["incident"]].append(kept["state"])
        for name, members in by_incident.items():
            assert members, "an incident without members is forgotten"
            assert (memory["incidents"][name]["closed_ms"] is None) == any(state != "resolved" for state in members)


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
