"""Exact rules: what needs no statistics is said at once, outside the alert budget, and ends with its fault.

A rule sees every closed window of its model, in order, also empty ones; it keeps a little plain state and tells changes only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from anchorwatch.events import FieldCount, FlagChange, Severity
from anchorwatch.watches.base import Ints

PATIENCE_MS = 600_000  # ten minutes: what was over and comes back within a day of health wakes when it lasts


class Exact(NamedTuple):
    """An exact finding begins (`open`) or ends."""

    watch: str
    subject: str
    name: str  # alertname
    severity: Severity
    harm: bool
    open: bool
    since_ms: int
    summary: str
    runbook: str
    evidence: dict[str, Any]
    caused_by: tuple[dict[str, Any], ...] = ()
    patience_ms: int = PATIENCE_MS  # see `Signal`


@dataclass(frozen=True)
class Facts:
    """What one closed window, or a stretch of empty ones, says about a model as a whole."""

    from_ms: int
    to_ms: int
    flat: Ints | None  # the window's counts in the layout, None: nothing came
    fields: Mapping[str, FieldCount]
    looked_at: int
    last_ms: int  # event time of the newest prediction ever, -1: none yet
    flags: Sequence[FlagChange]  # changes of this model's flags in force by `to_ms`, oldest first; times resolved
    reasons: Mapping[str, int]  # flag.reason -> predictions
    since_ms: int = -1  # watched since here: what was before it, and what was not, is nobody's promise
    fallen: Mapping[str, int] = field(default_factory=dict)  # segment -> flag evaluations of it that did not choose


class Rule(Protocol):
    watch: ClassVar[str]

    def holds(self) -> set[str]:
        """Subjects of its findings that are open."""

    def window(self, facts: Facts) -> list[Exact]:
        """Changes only; the same facts in the same order give the same changes."""

    def snapshot(self) -> dict[str, Any]:
        """Plain data."""

    def restore(self, kept: Mapping[str, Any]) -> None:
        """The reverse, perhaps under another contract: what is not watched any more is forgotten; unknown keys are ignored."""
