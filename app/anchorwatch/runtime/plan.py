"""What does a change of contract do? Which lines of it differ, which monitors go on, begin anew or come, and how soon a fault would be heard."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from anchorwatch.alerting.budget import level_days
from anchorwatch.contract import Contract, to_json
from anchorwatch.errors import ContractError
from anchorwatch.estimators.bank import BernoulliBank
from anchorwatch.events import Applied
from anchorwatch.stages.monitors import Monitors
from anchorwatch.stages.registry import Registry
from anchorwatch.watches.base import WHOLE, Monitor

DAY_MS = 86_400_000
WORSE = 1.4  # an error of 5 % that becomes 7
SEGMENTS_TOLD = 3  # beside the whole: the one with most labels, the middle, the one with fewest
RUNS, WINDOWS_MAX, QUIET_WINDOWS = 25, 4_000, 100  # of a simulation; beyond: not heard
PACE_MS_MIN = 1_000  # of a reference: all at one moment say nothing of a pace
BLOCK_MIN = 5.0  # labels of a simulated window: half a block is what it costs in precision


class Delay(NamedTuple):
    """Median of simulated runs until a page. labels None: not within the runs. inside: an error `WORSE` times as large stays inside the
    line, so `after` is that many times the line."""

    segment: str
    before: float
    after: float
    line: float
    labels_per_day: float
    labels: float | None
    inside: bool = False

    @property
    def hours(self) -> float | None:
        return None if self.labels is None else self.labels / self.labels_per_day * 24


class Plan(NamedTuple):
    """changed: path -> (before, after), None: not there. Monitors by their keys."""

    model: str
    environment: str
    is_new: bool
    changed: dict[str, tuple[Any, Any]]
    kept: tuple[str, ...]
    restarted: tuple[str, ...]
    added: tuple[str, ...]
    gone: tuple[str, ...]
    learning: bool
    origin: str
    delays: tuple[Delay, ...]


def plan(before: Applied | None, after: Applied, origin: str, *, pages_per_month: float, weights: float) -> Plan:
    """weights: of the whole fleet, after the change. origin: of the reference, in words. Raises ContractError."""
    contract, new = _monitors(after, pages_per_month, weights)
    old = None
    if before is not None:
        try:
            _, old = _monitors(before, pages_per_month, weights)
        except ContractError:
            old = None  # of a release that this one does not read: all begins anew
    had = {m.key for m in old.every} if old else set()
    have = {m.key for m in new.every}
    kept = new.take_over(old) if old else set()
    return Plan(
        contract.model, contract.environment, before is None,
        differences(before.contract if before else {}, to_json(contract)) if before else {},
        tuple(sorted(kept)), tuple(sorted((have & had) - kept)), tuple(sorted(have - had)), tuple(sorted(had - have)),
        after.reference is None, origin, tuple(delays(_monitors(after, pages_per_month, weights)[1])),
    )  # fmt: skip


def _monitors(applied: Applied, pages_per_month: float, weights: float) -> tuple[Contract, Monitors]:
    layout = Registry(10_000).apply(applied).layout
    weight = layout.contract.budget.weight
    return layout.contract, Monitors(layout, level_days(pages_per_month, weight, max(weights, weight)))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Leaves of both trees that are not equal, by dotted path.

    >>> differences({"a": {"b": 1}, "c": [1]}, {"a": {"b": 2}, "d": 3})
    {'a.b': (1, 2), 'c': ([1], None), 'd': (None, 3)}
    """
    one, other = dict(_leaves(before)), dict(_leaves(after))
    paths = [*one, *(path for path in other if path not in one)]
    return {path: (one.get(path), other.get(path)) for path in paths if one.get(path) != other.get(path)}


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        path = f"{above}.{name}" if above else name
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


# how soon


def delays(monitors: Monitors) -> list[Delay]:
    """Of the error of classes, where the reference says how much is usual."""
    layout = monitors.layout
    reference = layout.reference
    if reference is None or reference.to_ms - reference.from_ms < PACE_MS_MIN:
        return []
    days = (reference.to_ms - reference.from_ms) / DAY_MS
    told = []
    for monitor in _chosen(
        [m for m in monitors.every if m.watch == "quality" and m.pages and m.subject.startswith("error") and len(m.streams) == 1], monitors
    ):
        n, k = _counts(monitor, monitors)
        if k:
            told.append(delay(monitor, monitors, k / n, n / days))
    return told


def _counts(monitor: Monitor, monitors: Monitors) -> tuple[int, int]:
    """Labels of its segment in the reference, and how many of them were errors."""
    counts, stream = monitors.layout.reference_counts(monitor.streams[0].key), monitor.streams[0]
    if counts is None:
        return 0, 0
    return int(counts[monitor.row, stream.n].sum()), int(counts[monitor.row, stream.k].sum())


def _chosen(found: Sequence[Monitor], monitors: Monitors) -> list[Monitor]:
    segments = sorted((m for m in found if m.segment != WHOLE), key=lambda m: -_counts(m, monitors)[0])
    places = sorted({0, len(segments) // 2, len(segments) - 1} & set(range(len(segments))))
    return [m for m in found if m.segment == WHOLE] + [segments[place] for place in places][:SEGMENTS_TOLD]


def delay(monitor: Monitor, monitors: Monitors, usual: float, labels_per_day: float) -> Delay:
    """Simulated with the product's own bank, seeded."""
    line = monitor.streams[0].line
    inside = usual * WORSE <= line
    after, block = min(WORSE * max(usual, line if inside else 0.0), 0.99), max(BLOCK_MIN, labels_per_day / 8_640)
    labels = simulated(monitor, monitors, usual, after, block, labels_per_day)
    return Delay(monitor.segment, usual, after, line, labels_per_day, labels, inside)


def simulated(monitor: Monitor, monitors: Monitors, usual: float, after: float, block: float, labels_per_day: float) -> float | None:
    """Median labels from the change to the page. None: half of the runs did not get there."""
    bank = BernoulliBank(
        group=range(RUNS), line=[monitor.streams[0].line] * RUNS, phi=monitors.layout.phi(monitor.key, 1) * RUNS, up=[True] * RUNS,
        share=monitors.share_of(monitor), clear_days=monitor.clear_days, pages=True, level_days=monitors.level_days,
        healing_min=monitor.healing_min,
    )  # fmt: skip
    rng, heard = np.random.default_rng(1), np.full(RUNS, np.nan)
    days = block / labels_per_day
    for window in range(QUIET_WINDOWS + WINDOWS_MAX):
        n = rng.poisson(block, RUNS)
        k = rng.binomial(n, usual if window < QUIET_WINDOWS else after)
        from_ms = int(window * days * DAY_MS)
        for change in bank.window(n, k, days, from_ms, from_ms + max(int(days * DAY_MS), 1)):
            if change.verdict == "page" and window >= QUIET_WINDOWS and np.isnan(heard[change.monitor]):
                heard[change.monitor] = (window - QUIET_WINDOWS + 1) * block
        if np.count_nonzero(~np.isnan(heard)) > RUNS // 2:
            return float(np.sort(heard)[RUNS // 2])
    return None


# words


def told(found: Plan) -> list[str]:
    lines = [f"{found.model} {found.environment}   " + ("new" if found.is_new else "changed" if found.changed else "as it is in force")]
    lines += [f"  {_sign(*values)} {path:<34} {_words(*values)}" for path, values in found.changed.items()]
    lines.append(f"  reference  {'none yet, the model will be learning: ' if found.learning else ''}{found.origin}")
    lines.append(
        f"  monitors   {len(found.kept)} go on with their evidence, {len(found.restarted)} begin anew, "
        f"{len(found.added)} are new, {len(found.gone)} go"
    )
    for names, what in ((found.restarted, "begin anew"), (found.gone, "go")):
        if names:
            watches = sorted({key.partition(":")[0] for key in names})
            lines.append(
                f"  ! {what:<9} {', '.join(watches)}: {', '.join(names[:4])}" + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            )
    return lines + [f"  delay      {_delay(each)}" for each in found.delays]


def _sign(before: Any, after: Any) -> str:
    return "+" if before is None else "-" if after is None else "~"


def _words(before: Any, after: Any) -> str:
    return str(after) if before is None else str(before) if after is None else f"{before} -> {after}"


def _delay(each: Delay) -> str:
    change = f"{each.segment}: error {each.before:.1%} -> {each.after:.1%}"
    if each.inside:
        change = f"{each.segment}: up to its line, {each.line:.1%}, nothing is heard; error {each.before:.1%} -> {each.after:.1%}"
    if each.labels is None or each.hours is None:
        return f"{change} is not heard within {WINDOWS_MAX * max(BLOCK_MIN, each.labels_per_day / 8_640):,.0f} labels (simulated)"
    after = f"{each.hours * 60:.0f} min" if each.hours < 2 else f"{each.hours:.0f} h" if each.hours < 48 else f"{each.hours / 24:.0f} d"
    return f"{change} is heard after ~{each.labels:,.0f} labels, {after} at the reference's pace (simulated)"
