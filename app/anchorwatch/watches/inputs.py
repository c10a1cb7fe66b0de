"""Are fields missing, stale, stuck, renamed, retyped, out of range, or quietly shifted?

Question: do the features that arrive still look like those of the reference, and is what the contract promises about them kept?
Method: exact rules for fields that appear, vanish, change their name or type (fields.py) or stand still (stuck.py); 0/1 streams for missing and
  out-of-range values; numbers as ranks in 32 reference bins, categories share by share (detection.md 5.2). A cause, never a page by itself.
Runbook: ask the team upstream what they released at that time; `anchorwatch tail dead-letters` shows records that could not be used at all.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.estimators.reference_bins import digitize
from anchorwatch.watches.base import Add, Columns, Count, Explained, Monitor, Quiet, Seen, Stream, short_hash
from anchorwatch.watches.fields import FieldsRule
from anchorwatch.watches.lines import EVENTS_MIN, category_monitor, line_of, tilt_monitor
from anchorwatch.watches.stuck import StuckRule, add_sums, may_be_stuck

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout
    from anchorwatch.watches.rules import Rule

PLACE_WITHIN, SPREAD_WITHIN = 0.05, 0.05
MIX_WITHIN = 0.05
TOLERATED = 0.02  # more missing or out of range than the reference has
WIDENED = 0.10  # of the reference's own range, where the contract states none
CLEAR_DAYS = 1.0
OK, MISSING, OUTSIDE = 0, 1, 2  # symbols of `state`
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def bounds(layout: "Layout", feature: str) -> tuple[float, float] | None:
    """The contract's range, else the reference's own widened by a tenth; None where neither is known."""
    declared = layout.contract.features.get(feature)
    if declared is not None and declared.range is not None:
        return float(declared.range[0]), float(declared.range[1])
    if layout.reference and feature in layout.reference.limits:
        low, high = layout.reference.limits[feature]
        slack = WIDENED * (high - low)
        return low - slack, high + slack  # of a constant: any other value is outside
    return None


def state_of(layout: "Layout", feature: str) -> Count:
    """Fine, missing, outside; of a number that may get stuck also two sums of its values."""
    symbols = 3 + 2 * may_be_stuck(layout, feature)
    return Count(f"feature/{feature}.state", symbols, short_hash(layout.features[feature], bounds(layout, feature)))


def shape_of(layout: "Layout", feature: str) -> Count | None:
    """Bins of a number, shares of a category; None without a reference for it."""
    reference = layout.reference
    if reference is None:
        return None
    if layout.features[feature] == "number":
        edges = reference.edges.get(feature)
        return Count(f"feature/{feature}.bins", len(edges) + 1, short_hash(edges)) if edges else None
    values = reference.values.get(feature)
    if values is None or layout.features[feature] == "text":
        return None
    return Count(f"feature/{feature}.values", len(values) + 2, short_hash(values, reference.rare.get(feature, ())))


def may_be_stale(layout: "Layout", feature: str) -> bool:
    declared = layout.contract.features.get(feature)
    return declared is not None and declared.stale_after is not None


def stale_of(feature: str) -> Count:
    """Fresh, older than `stale_after`: of the predictions that tell the age of this feature."""
    return Count(f"stale/{feature}", 2)


class Inputs(Quiet):
    name: ClassVar[str] = "inputs"
    question: ClassVar[str] = "Are the inputs what they were?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        found = []
        for feature in layout.watched_features:
            found.append(state_of(layout, feature))
            if shape := shape_of(layout, feature):
                found.append(shape)
            if may_be_stale(layout, feature):
                found.append(stale_of(feature))
        return found

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:
        answered = ~columns.failed
        for feature in layout.watched_features:
            shape = layout.shape_keys.get(feature)
            if layout.features[feature] == "number":
                values = columns.numbers[feature]
                missing = np.isnan(values)
                state = missing.astype(np.int64)  # OK or MISSING
                if may_be_stuck(layout, feature):
                    add_sums(layout.state_keys[feature], values, ~missing & answered, add)
                if limits := bounds(layout, feature):
                    state[(values < limits[0]) | (values > limits[1])] = OUTSIDE
                if shape:
                    add(shape, digitize(values, layout.edges(feature)), ~missing & answered)
            else:
                codes = columns.codes[feature]
                missing = codes < 0
                state = missing.astype(np.int64)
                if shape:
                    add(shape, codes, ~missing & answered)
            add(layout.state_keys[feature], state, answered)
        for feature, codes in columns.stale.items():
            add(stale_of(feature).key, codes, (codes >= 0) & answered)

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        found: list[Monitor] = []
        for row, segment in enumerate(layout.segments):
            for feature in layout.watched_features:
                found += self._state_monitors(layout, row, segment, feature)
                found += _stale_monitor(layout, row, segment, feature)
                shape = shape_of(layout, feature)
                if shape is None:
                    continue
                if layout.features[feature] == "number":
                    found += tilt_monitor(layout, "inputs", feature, shape.key, row, segment, PLACE_WITHIN, SPREAD_WITHIN, CLEAR_DAYS)
                else:
                    labels = (*(layout.reference.values[feature] if layout.reference else ()), "rare values", "never seen values")
                    found += category_monitor(layout, "inputs", feature, shape.key, row, segment, labels, MIX_WITHIN, CLEAR_DAYS)
        return found

    def _state_monitors(self, layout: "Layout", row: int, segment: str, feature: str) -> list[Monitor]:
        key, declared = state_of(layout, feature).key, layout.contract.features.get(feature)
        counts = layout.reference_counts(key)
        enough = counts is not None and counts[row, :3].sum() >= EVENTS_MIN
        every = np.array([OK, MISSING, OUTSIDE])
        found = []

        def monitor(kind: str, symbol: int, promise: float | None) -> Monitor | None:
            subject, name = f"{feature}.{kind}", f"inputs:{feature}.{kind}/{segment}"
            one, rest = np.array([symbol]), every[every != symbol]
            if promise is not None:
                return _zero_one(subject, segment, row, (Stream(key, every, one, promise, "up", feature),), None, feature)
            if not enough or counts is None:
                return None
            k, n = int(counts[row, symbol]), int(counts[row, :3].sum())
            streams = [Stream(key, every, one, line_of(layout, name, k, n, TOLERATED, 0, 2), "up", feature)]
            streams.append(Stream(key, every, rest, line_of(layout, name, n - k, n, TOLERATED, 1, 2), "down", feature))
            two_sided = symbol == MISSING and k / n > TOLERATED  # a field that comes alive is news
            return _zero_one(subject, segment, row, tuple(streams[: 2 if two_sided else 1]), k / n, feature)

        missing = monitor("missing", MISSING, declared.missing_max if declared else None)
        has_range = layout.features[feature] == "number" and bounds(layout, feature) is not None
        outside = monitor("range", OUTSIDE, None) if has_range else None
        found += [m for m in (missing, outside) if m]
        return found

    def rules(self, layout: "Layout") -> Sequence["Rule"]:
        return (FieldsRule(layout), StuckRule(layout))

    def explain(self, seen: Seen) -> Explained:
        where = seen.where
        feature, _, kind = seen.subject.rpartition(".")
        now, before = f"{100 * (seen.current or 0):.3g} %", f"{100 * (seen.reference or 0):.3g} %"
        if kind == "missing" and feature:
            usual = f"reference {before}" if seen.reference is not None else f"promised at most {100 * (seen.line or 0):.3g} %"
            only = "" if seen.direction == "up" else "only "
            text = f"The field {feature!r} is missing in {only}{now} of predictions{where} ({usual})."
            return Explained("InputMissing", text, RUNBOOK)
        if kind == "stale" and feature:
            usual = f"reference {before}" if seen.reference is not None else f"at most {100 * (seen.line or 0):.3g} % may"
            return Explained("InputStale", f"{now} of the values of {feature!r}{where} are older than they may be ({usual}).", RUNBOOK)
        if kind == "range" and feature:
            return Explained(
                "InputOutOfRange", f"{now} of the values of {feature!r}{where} lie outside their range (reference {before}).", RUNBOOK
            )
        if seen.label in ("place", "spread"):
            words = {"up": "higher", "down": "lower"} if seen.label == "place" else {"up": "more spread", "down": "less spread"}
            text = f"Values of {seen.subject!r}{where} are {words[seen.direction]} than in the reference."
        else:
            text = f"{seen.subject!r} is {seen.label!r} in {now} of predictions{where} (reference {before})."
        return Explained("InputShifted", text, RUNBOOK)


def _stale_monitor(layout: "Layout", row: int, segment: str, feature: str) -> list[Monitor]:
    """Against the reference's share; without one, as many as are tolerated anywhere."""
    if not may_be_stale(layout, feature):
        return []
    key, subject = stale_of(feature).key, f"{feature}.stale"
    counts = layout.reference_counts(key)
    line, usual = TOLERATED, None
    if counts is not None and counts[row].sum() >= EVENTS_MIN:
        k, n = int(counts[row, 1]), int(counts[row].sum())
        line, usual = line_of(layout, f"inputs:{subject}/{segment}", k, n, TOLERATED), k / n
    stream = Stream(key, np.array([0, 1]), np.array([1]), line, "up", feature)
    return [_zero_one(subject, segment, row, (stream,), usual, feature)]


def _zero_one(subject: str, segment: str, row: int, streams: tuple[Stream, ...], reference: float | None, feature: str) -> Monitor:
    return Monitor("inputs", subject, segment, row, False, CLEAR_DAYS, streams, None, reference, "1", "share", feature, streams[0].line)


WATCH = Inputs()
