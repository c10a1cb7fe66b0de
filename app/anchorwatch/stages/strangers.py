"""What comes without an owner, and what cannot be read: exact findings that belong to no monitor of a contract."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anchorwatch.alerting.owners import no_owner
from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import WHOLE, Signal
from anchorwatch.stages.model_judge import Judged, JudgeSettings
from anchorwatch.stages.registry import Registry
from anchorwatch.watches.rules import PATIENCE_MS

RECORDS_MIN = 100  # read in a minute before "more than half cannot be read" is said
STRANGERS_MAX = 200  # names without a contract that are alerted; above: counted only
MINUTE_MS = 60_000

Window = tuple[int, int]


class Strangers:
    def __init__(self, settings: JudgeSettings) -> None:
        self.settings = settings
        self.alerts: dict[str, ModelAlerts] = {}
        self.open: dict[str, int] = {}  # "<name>:<key>" -> since
        self.minutes: dict[str, list[int]] = {}  # feed -> [minute, read, refused]

    def window(self, feed: str, window: Window, tallies: Mapping[str, Mapping[str, int]], registry: Registry, at_ms: int) -> list[Judged]:
        found = []
        for key, table in sorted(tallies.items()):
            if key and table.get("no_contract") and f"NoOwner:{key}" not in self.open:
                found += self._no_owner(key, window, at_ms)
        for version in registry.latest():
            key = version.layout.key
            if key in tallies and not version.contract.owner.team and f"NoOwner:{key}" not in self.open:
                found += self._no_owner(key, window, at_ms)
        found += self._owned_again(registry, window, at_ms)
        if "" in tallies:
            found += self._cannot_decode(feed, window, tallies[""], at_ms)
        lasting = [alerts for alerts in self.alerts.values() if (due := alerts.due_ms) is not None and due <= window[1]]
        return found + [Judged(alerts=alerts.window(window, (), {}, at_ms)) for alerts in lasting]

    def _of(self, key: str) -> ModelAlerts | None:
        environment, _, model = key.partition("/")
        if key not in self.alerts:
            if len(self.alerts) >= STRANGERS_MAX:
                return None
            self.alerts[key] = ModelAlerts(
                environment, model, None, "", self.settings.links_base, fallback_owner=self.settings.fallback_owner
            )
        return self.alerts[key]

    def _no_owner(self, key: str, window: Window, at_ms: int) -> list[Judged]:
        alerts = self._of(key)
        if alerts is None:
            return []
        self.open[f"NoOwner:{key}"] = window[0]
        environment, _, model = key.partition("/")
        signal = no_owner(model, environment, window[0], self.settings.fallback_owner)
        return [Judged(alerts=alerts.window(window, [signal], {}, at_ms))]

    def _owned_again(self, registry: Registry, window: Window, at_ms: int) -> list[Judged]:
        found = []
        for name in [n for n in self.open if n.startswith("NoOwner:")]:
            key = name.partition(":")[2]
            version = registry.at(key, window[0])
            if version is not None and version.contract.owner.team and (alerts := self._of(key)) is not None:
                since = self.open.pop(name)
                environment, _, model = key.partition("/")
                signal = no_owner(model, environment, since, self.settings.fallback_owner)
                found.append(Judged(alerts=alerts.window(window, [_quiet(signal)], {}, at_ms)))
        return found

    def _cannot_decode(self, feed: str, window: Window, table: Mapping[str, int], at_ms: int) -> list[Judged]:
        minute = self.minutes.get(feed)
        if minute is None or minute[0] != window[0] // MINUTE_MS:
            minute = self.minutes[feed] = [window[0] // MINUTE_MS, 0, 0]
        minute[1] += sum(n for name, n in table.items() if name.startswith("read."))
        refused = {name.partition(".")[2]: n for name, n in table.items() if name.startswith("refused.")}
        minute[2] += sum(refused.values())
        name, alerts = f"CannotDecode:{feed}", self._of(f"-/{feed}")
        bad = minute[1] >= RECORDS_MIN and minute[2] > minute[1] / 2
        if alerts is None or bad == (name in self.open) or (not bad and minute[1] < RECORDS_MIN):
            return []
        since = self.open.setdefault(name, window[0])
        if not bad:
            del self.open[name]
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(refused.items())) or "none now"
        text = f"More than half of what comes on the feed {feed} cannot be read ({kinds}); see `anchorwatch tail dead-letters`."
        signal = Signal(
            watch="inputs", subject="decode", segment=WHOLE, verdict="exact" if bad else "quiet", name="CannotDecode", severity="critical",
            harm=True, summary=text, since_ms=since, onset=(since, since), evidence={"n": minute[1], "refused": minute[2], "detector": "rule"},
            outside_budget=True, patience_ms=PATIENCE_MS,
        )  # fmt: skip
        return [Judged(alerts=alerts.window(window, [signal], {}, at_ms))]

    def snapshot(self) -> dict[str, Any]:
        return {"open": self.open, "minutes": self.minutes, "alerts": {key: a.snapshot() for key, a in self.alerts.items()}}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.open, self.minutes = dict(kept["open"]), {feed: list(m) for feed, m in kept["minutes"].items()}
        for key, state in kept["alerts"].items():
            if (alerts := self._of(key)) is not None:
                alerts.restore(state)


def _quiet(signal: Signal) -> Signal:
    return replace(signal, verdict="quiet")
