"""What do the events of a topic look like? Every value by its path, with types, distinct values and range."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.contract.fields import Steps, steps, written
from anchorwatch.contract.values import Unfit
from anchorwatch.events import canonical

DEPTH_MAX = 5
PATHS_MAX = 2_000  # of one topic; above: further ones are not looked at
NAME_MAX = 400  # characters of a path; a contract takes 500
VALUES_MAX = 50_000  # distinct values remembered of one path
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass
class Field:
    """One path. `values`: distinct ones as canonical text, of scalars alone."""

    path: Steps
    kinds: Counter[str] = field(default_factory=Counter)  # number, text, bool, null, list
    values: Counter[str] = field(default_factory=Counter)
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True  # no number had a fraction
    first: Any = None

    def see(self, value: Any) -> None:
        kind = kind_of(value)
        self.kinds[kind] += 1
        if kind in ("null", "list"):
            return
        if self.first is None:
            self.first = value
        if kind == "number":
            self.low, self.high = min(self.low, value), max(self.high, value)
            self.whole = self.whole and float(value).is_integer()
        text = canonical(value)
        if text in self.values or len(self.values) < VALUES_MAX:
            self.values[text] += 1

    @property
    def present(self) -> int:
        """Times it was there and not null."""
        return self.kinds.total() - self.kinds["null"]

    @property
    def kind(self) -> str:
        """The one that 95 % have; "mixed" where none has."""
        found = [kind for kind, n in self.kinds.items() if kind != "null" and n >= 0.95 * self.present]
        return found[0] if found and self.present else "mixed"

    @property
    def unique(self) -> float:
        """Share of its values that are distinct."""
        return len(self.values) / self.present if self.present else 0.0

    @property
    def words(self) -> list[str]:
        """Of its last step: `scoredAtMs` -> scored, at, ms."""
        return [word.lower() for word in WORD.findall(str(self.path[-1]))]


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number" if math.isfinite(value) else "null"
    return "text" if isinstance(value, str) else "list"


def shape(documents: Iterable[Mapping[str, Any]]) -> dict[Steps, Field]:
    found: dict[Steps, Field] = {}
    for document in documents:
        for path, value in leaves(document):
            known = found.get(path)
            if known is None:
                if len(found) >= PATHS_MAX or not _can_be_named(path):
                    continue
                known = found[path] = Field(path)
            known.see(value)
    return found


def _can_be_named(path: Steps) -> bool:
    """A contract holds no control characters, and must find the path again that it writes."""
    if sum(len(str(step)) for step in path) > NAME_MAX:
        return False
    try:
        return all(str(step).isprintable() and str(step).strip() for step in path) and steps(written(path)) == path
    except Unfit:
        return False


def leaves(value: Mapping[str, Any], path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every scalar and every list with its path; mappings are gone through."""
    for name, inner in value.items():
        if isinstance(inner, Mapping) and len(path) + 1 < DEPTH_MAX:
            yield from leaves(inner, (*path, name))
        elif not isinstance(inner, Mapping):
            yield (*path, name), inner
