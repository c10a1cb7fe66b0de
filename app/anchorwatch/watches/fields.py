"""Which fields appear, vanish, change name or type? Exact rules over the fields of whole records (detection.md 5.2).

Unknown: not in the reference and not in the contract, seen in 10 records within an hour. Vanished: absent from m records in a row,
m = max(30, 3 times the longest absent run of the reference); where m > 300 the field is optional. Renamed: A vanishes and an unknown B comes
in the same records, and names and values are alike. Retyped: 10 values of another type within an hour.
Runs are counted over windows with none present, so the order inside a window does not matter.
"""

import json
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from anchorwatch.events import FieldCount
from anchorwatch.watches.rules import Exact, Facts

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

SEEN_MIN = 10  # records within an hour
HOUR_MS = 3_600_000
RUN_MIN, RUN_OPTIONAL = 30, 300
GONE, RUN_GONE_MAX = 10, 10_000  # a field is gone when so many records would have had it by its usual share; at the latest after so many
LIKE_MIN = 0.45  # mean of name and value likeness from which two fields are one, renamed
EXACTLY_ONE = 0.95  # share of the records looked at that carry one of both
UNKNOWN_MAX = 200  # names remembered; above: counted only
RUNBOOK = "Ask the team upstream what they released at that time; agree on names, or change the contract and apply it."


class FieldsRule:
    watch: ClassVar[str] = "inputs"

    def __init__(self, layout: "Layout") -> None:
        self.layout = layout
        reference = layout.reference
        self.known = set(layout.contract.features) | (set(reference.fields) if reference else set(layout.features))
        self.runs: dict[str, list[int]] = {}  # declared field -> [records without it in a row, since ms]
        self.unknown: dict[str, list[int]] = {}  # name -> [records, since ms, records looked at since, those since it was seen last]
        self.retyped: dict[str, list[int]] = {}  # field -> [values, since ms, values of its own type, those of them since the last wrong]
        self.open: dict[str, int] = {}  # "<name>:<field>" -> since ms
        self.renamed: dict[str, str] = {}  # old -> new
        self.present: dict[str, int] = {}  # without a reference: records that had it, up to RUN_OPTIONAL

    @property
    def gone(self) -> set[str]:
        """Fields that are away, under whatever name: what else is said of them is noise."""
        away = {name.partition(":")[2] for name in self.open if name.startswith(("InputVanished:", "InputRetyped:"))}
        return away | set(self.renamed)

    def holds(self) -> set[str]:
        return {name.partition(":")[2] for name in self.open}

    # exact findings

    def window(self, facts: Facts) -> list[Exact]:
        if facts.flat is None:
            return []
        missing = self._missing(facts)
        found = self._retyped(facts, missing)
        self._count_unknown(facts)
        found += self._returned(missing, facts)
        found += self._rename(missing, facts)
        found += self._vanished(missing)
        found += self._appeared(facts, missing)
        return found

    def _missing(self, facts: Facts) -> dict[str, tuple[int, int]]:
        """Declared field -> (present, absent) in this window; a retyped value is there, only of no use."""
        assert facts.flat is not None, "called with counts only"
        found = {}
        for feature in self.layout.watched_features:
            key = self.layout.state_keys[feature]
            ok, absent, outside = self.layout.view(facts.flat, key)[0, :3].tolist()
            retyped = self._wrong(feature, facts)
            found[feature] = (ok + outside + retyped, max(absent - retyped, 0))
        for feature, (there, absent) in found.items():
            if there:
                self.present[feature] = min(self.present.get(feature, 0) + there, RUN_OPTIONAL)
                self.runs.pop(feature, None)
            elif absent:
                run = self.runs.setdefault(feature, [0, facts.from_ms])
                run[0] += absent
        return found

    def _wrong(self, feature: str, facts: Facts) -> int:
        """Values of another type in this window. All of them: records that lack a needed field are read as maps."""
        count, kind = facts.fields.get(feature), KINDS[self.layout.features[feature]]
        return sum(n for found, n in count.types.items() if found not in (kind, "null")) if count else 0

    def _count_unknown(self, facts: Facts) -> None:
        for name, count in facts.fields.items():
            if name in self.known or not count.present:
                continue
            if name not in self.unknown and len(self.unknown) >= UNKNOWN_MAX:
                continue
            entry = self.unknown.setdefault(name, [0, facts.from_ms, 0, 0])
            if facts.to_ms - entry[1] > HOUR_MS and f"InputUnknown:{name}" not in self.open:
                entry[:] = [0, facts.from_ms, 0, 0]
            entry[0] += count.present

    def _patience(self, feature: str) -> int:
        """Records in a row without the field until it counts as vanished."""
        reference = self.layout.reference
        if reference is None:
            return RUN_OPTIONAL if self.present.get(feature, 0) >= RUN_OPTIONAL else 1 << 60
        return max(RUN_MIN, 3 * reference.absent_runs.get(feature, 0))

    def _vanished(self, missing: Mapping[str, tuple[int, int]]) -> list[Exact]:
        found = []
        for feature in missing:
            count, since = self.runs.get(feature, (0, 0))
            patience = self._patience(feature)
            optional = self.layout.reference is not None and patience > RUN_OPTIONAL
            if optional or count < patience or feature in self.renamed or f"InputVanished:{feature}" in self.open:
                continue
            self.open[f"InputVanished:{feature}"] = since
            text = f"The field {feature!r} is gone: absent from the last {count} predictions."
            found.append(_exact("InputVanished", feature, True, since, text, {"n": count, "metric": "records without it"}))
        return found

    def _appeared(self, facts: Facts, missing: Mapping[str, tuple[int, int]]) -> list[Exact]:
        """Held back while a declared field falls in the same window: it may be its new name, which says more."""
        falling = any(
            absent > there and f"InputVanished:{f}" not in self.open and f not in self.renamed for f, (there, absent) in missing.items()
        )
        found = []
        for name, (count, since, *_) in self.unknown.items():
            if count < SEEN_MIN or falling or name in self.renamed.values() or f"InputUnknown:{name}" in self.open:
                continue
            self.open[f"InputUnknown:{name}"] = since
            kinds = ", ".join(sorted(facts.fields[name].types)) if name in facts.fields else "unknown type"
            text = f"A field {name!r} ({kinds}) arrives that neither the contract nor the reference knows."
            found.append(_exact("InputUnknown", name, True, since, text, {"n": count, "metric": "records with it"}))
        return found

    def _rename(self, missing: Mapping[str, tuple[int, int]], facts: Facts) -> list[Exact]:
        falling = [
            f for f, (there, absent) in missing.items() if not there and absent and f not in self.renamed and self.runs[f][0] >= RUN_MIN
        ]
        taken = set(self.renamed.values())
        rising = [b for b, (n, *_) in self.unknown.items() if n >= SEEN_MIN and b in facts.fields and b not in taken]
        pairs = sorted(
            ((self._likeness(a, b, facts.fields[b]), a, b) for a in falling for b in rising if self._in_turn(b, facts)),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )
        found = []
        for score, old, new in pairs:
            if score < LIKE_MIN or old in self.renamed or new in self.renamed.values():
                continue
            self.renamed[old] = new
            since = self.runs[old][1]
            found += self._close(f"InputUnknown:{new}", new) + self._close(f"InputVanished:{old}", old)
            self.open[f"InputRenamed:{old}"] = since
            text = f"The field {old!r} arrives as {new!r} since then; the model gets no {old!r}."
            evidence = {"n": self.runs[old][0], "metric": "records without it", "renamed_to": new, "likeness": round(score, 3)}
            found.append(_exact("InputRenamed", old, True, since, text, evidence))
        return found

    def _in_turn(self, new: str, facts: Facts) -> bool:
        """The old name is in none of this window's records, so the new one must be in nearly all that were looked at, be it as null."""
        return facts.looked_at > 0 and sum(facts.fields[new].types.values()) >= EXACTLY_ONE * facts.looked_at

    def _likeness(self, old: str, new: str, count: FieldCount) -> float:
        return (name_likeness(old, new) + self._value_likeness(old, count)) / 2

    def _value_likeness(self, old: str, count: FieldCount) -> float:
        """1 - total variation between the new field's sample and the old one's reference; without a reference 0.5: no opinion."""
        reference, sample = self.layout.reference, [value for _, value in count.sample]
        if reference is None or not sample:
            return 0.5
        if self.layout.features.get(old) == "number":
            numbers = [float(v) for v in sample if isinstance(v, int | float) and not isinstance(v, bool)]
            key = self.layout.shape_keys.get(old)
            if len(numbers) < len(sample) / 2 or key is None:
                return 0.0
            now = np.bincount(np.searchsorted(self.layout.edges(old), numbers), minlength=len(self.layout.edges(old)) + 1)
            usual = reference.counts[key][0]
            return _overlap(now.tolist(), usual.tolist())
        texts = [str(v) for v in sample]
        named = reference.values.get(old, ())
        known = set(named) | set(reference.rare.get(old, ()))
        same = sum(text in known for text in texts) / len(texts)
        alike = len({shape(text) for text in texts} & {shape(text) for text in known}) > 0
        return max(same, 0.8 if alike and known else 0.0)

    def _returned(self, missing: Mapping[str, tuple[int, int]], facts: Facts) -> list[Exact]:
        found = []
        for feature, (there, _) in missing.items():
            if there and (f"InputVanished:{feature}" in self.open or feature in self.renamed):
                self.unknown.pop(self.renamed.pop(feature, ""), None)  # counted anew, should it go on beside the old one
                found += self._close(f"InputVanished:{feature}", feature) + self._close(f"InputRenamed:{feature}", feature)
        for name, entry in list(self.unknown.items()):
            count = facts.fields.get(name)
            if count is not None and count.present:
                entry[2:] = [entry[2] + facts.looked_at, 0]
                continue
            entry[2:] = [entry[2] + facts.looked_at, entry[3] + facts.looked_at]
            usual = entry[0] / max(entry[2] - entry[3], 1)  # share of the records that carried it while it came
            if entry[3] >= max(RUN_MIN, GONE / max(usual, GONE / RUN_GONE_MAX)):
                del self.unknown[name]
                found += self._close(f"InputUnknown:{name}", name)
        return found

    def _retyped(self, facts: Facts, missing: Mapping[str, tuple[int, int]]) -> list[Exact]:
        found = []
        for feature, (there, _) in missing.items():
            wrong, key = self._wrong(feature, facts), f"InputRetyped:{feature}"
            if not wrong and feature not in self.retyped:
                continue
            entry = self.retyped.setdefault(feature, [0, facts.from_ms, 0, 0])
            if wrong and facts.to_ms - entry[1] > HOUR_MS and key not in self.open:
                entry[:] = [0, facts.from_ms, 0, 0]
            good = there - wrong
            entry[0], entry[2], entry[3] = entry[0] + wrong, entry[2] + good, 0 if wrong else entry[3] + good
            usual = entry[0] / max(entry[0] + entry[2] - entry[3], 1)  # share of wrong ones while they came
            if entry[0] >= SEEN_MIN and wrong and key not in self.open:
                self.open[key] = entry[1]
                evidence = {"n": entry[0], "metric": "values of another type"}
                found.append(_exact("InputRetyped", feature, True, entry[1], self._retyped_text(feature, facts.fields[feature]), evidence))
            elif entry[3] >= max(RUN_MIN, GONE / max(usual, GONE / RUN_GONE_MAX)):
                del self.retyped[feature]
                found += self._close(key, feature)
        return found

    def _retyped_text(self, feature: str, count: FieldCount) -> str:
        kind = self.layout.features[feature]
        others = " or ".join(sorted(found for found in count.types if found not in (KINDS[kind], "null")))
        shown = next((f", such as {json.dumps(value, ensure_ascii=False)}" for _, value in count.sample), "")
        return f"The field {feature!r} should be a {kind} but arrives as {others}{shown}; those values are not used."

    def _close(self, key: str, subject: str) -> list[Exact]:
        since = self.open.pop(key, None)
        name = key.partition(":")[0]
        return [] if since is None else [_exact(name, subject, False, since, f"The field {subject!r} is as before again.", {})]

    # state

    def snapshot(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in KEPT}

    def restore(self, kept: Mapping[str, Any]) -> None:
        for name in KEPT:
            setattr(self, name, dict(kept.get(name, {})))
        self.unknown = {name: entry for name, entry in self.unknown.items() if name not in self.known}
        for table in (self.runs, self.retyped, self.present, self.renamed):
            for name in table.keys() - set(self.layout.watched_features):
                del table[name]
        there = {*self.unknown, *self.layout.watched_features}
        self.open = {key: since for key, since in self.open.items() if key.partition(":")[2] in there}


KINDS = {"number": "number", "bool": "bool", "category": "text", "text": "text"}  # type of a feature -> kind of its values
KEPT = ("runs", "unknown", "retyped", "open", "renamed", "present")


def _exact(name: str, subject: str, is_open: bool, since: int, text: str, evidence: dict[str, Any]) -> Exact:
    return Exact("inputs", f"{subject}", name, "warning", False, is_open, since, text, RUNBOOK, evidence)


def name_likeness(a: str, b: str) -> float:
    """Case and punctuation do not count: `Country/Region` and `Country_Region` are 1."""
    plain_a, plain_b = ("".join(c for c in name.casefold() if c.isalnum()) for name in (a, b))
    return SequenceMatcher(None, plain_a, plain_b).ratio()


def shape(text: str) -> str:
    """`ab 12-7` -> `a 9-9`: runs of letters and digits are one sign each."""
    signs = ["9" if c.isdigit() else "a" if c.isalpha() else c for c in text[:64]]
    return "".join(c for i, c in enumerate(signs) if i == 0 or c != signs[i - 1] or c not in "a9")


def _overlap(a: list[int], b: list[int]) -> float:
    total_a, total_b = max(sum(a), 1), max(sum(b), 1)
    return sum(min(x / total_a, y / total_b) for x, y in zip(a, b, strict=True))
