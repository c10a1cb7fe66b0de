"""What is a watch? One question about a model, answered per segment: count (ingest), monitors (judge), explain (a person).

`count` and `mature` turn columns into additive counts; `monitors` says what is judged and where the line lies; `explain` says it aloud.
A watch keeps no state: counts live in the stages, evidence in banks of monitors, exact rules in `rules`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from anchorwatch.estimators.tables import Heal

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout
    from anchorwatch.watches.rules import Rule

WHOLE, OTHER = "whole", "other"
# What the model itself gives stands beside its features, of which one may be called `score` as well.
SCORE, CONFIDENCE, MARGIN, ANSWER, ABS_ERROR = "$.score", "$.confidence", "$.margin", "$.prediction", "$.abs_error"
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
NEWS_RUNBOOK = (  # what got better may as well be a leak, a cache, or labels that stay away
    "Ask whether labels, traffic or the question changed; if it is real, `anchorwatch alerts accept` makes it the reference, so that a later "
    "return to the old level is heard."
)


def short_hash(*content: Any) -> str:
    """8 hex digits of plain content: a definition id."""
    return blake2b(msgspec.json.encode(content), digest_size=4).hexdigest()


class Add(Protocol):
    """Where a watch puts what it counts."""

    def __call__(self, key: str, cells: Ints, where: NDArray[np.bool_] | None = None) -> None:
        """cells: int64[n], the symbol of each event; where: bool[n], which events count, None for all."""

    def weighted(self, key: str, cells: Ints, weights: Ints) -> None:
        """The same with a whole number per event, for sums."""


class Count(NamedTuple):
    """Additive int64 per segment and symbol. The key names the definition too: counts of another definition never mix."""

    name: str
    symbols: int
    definition: str = ""  # of bins, bounds, lists; "" when the name says it all

    @property
    def key(self) -> str:
        return f"{self.name}~{self.definition}" if self.definition else self.name


@dataclass
class Columns:
    """A batch of answered or failed calls of one model, as columns of n. A missing number is NaN, a missing code -1."""

    n: int
    failed: NDArray[np.bool_]
    numbers: dict[str, Floats]
    codes: dict[str, Ints]  # categories and ANSWER: 0..C-1 named, C other, C+1 new
    score: Floats
    confidence: Floats
    latency_s: Floats
    end_to_end_s: Floats
    explored: NDArray[np.bool_] | None = None  # let through at random (hidden.py); None: the contract explores nothing
    margin: Floats | None = None  # of many classes: how far the largest probability is above the next; None: nobody gave two
    stale: dict[str, Ints] = field(default_factory=dict)  # feature with `stale_after` -> 1 stale, 0 fresh, -1 not told


@dataclass
class Matured:
    """Predictions of a closed cell at one horizon, as columns of n. label -1: none known by then."""

    n: int
    answer: Ints  # class codes; regression: 0
    label: Ints
    error: Floats  # regression: prediction - label; NaN without a label
    revised: NDArray[np.bool_]  # its label replaced another
    horizon: str = "late"  # of Layout.horizons
    score: Ints | None = None  # what was kept of its score (scores.py), 0: nothing; None: not kept
    explored: NDArray[np.bool_] | None = None  # let through at random (hidden.py)


DECIDED, COMPLAINED = "decided", "complained"  # names of the ages at which decisions and complaints are looked at
# what was done with a prediction: `Used.use`
FOLLOWED, OVERRIDDEN, IGNORED, NO_DECISION, UNTOLD = range(5)


class Used(NamedTuple):
    """Decisions about predictions of a closed cell, as columns of n."""

    n: int
    use: Ints  # FOLLOWED, OVERRIDDEN, IGNORED: as a decision says; NO_DECISION: none came in time; UNTOLD: nobody says what was recommended
    recommended: Ints  # codes of Layout.actions; len(actions) another one, -1 not told
    action: Ints  # the same; -1: no decision
    reason: Ints  # codes of Layout.reasons; len(reasons) another one or none, -1 no decision


class Compared(NamedTuple):
    """Answers of another arm in a closed cell at `late`, as columns of n."""

    n: int
    arm: str  # baseline, shadow
    answer: Ints  # class codes
    label: Ints  # -1: none known by then
    beside: Ints  # what the model answered under the same id; -1: it did not


class Stream(NamedTuple):
    """0/1: of the symbols `n` of a count, those in `k` are ones. `direction`: where a rise of the ones points."""

    key: str
    n: Ints
    k: Ints
    line: float
    direction: str = "up"
    label: str = ""  # which class, category, bound
    n_row: int | None = None  # of the segment whose `n` it is a share of; None: the monitor's own
    complement: bool = False  # ones are the others of `n`: for a fall where `k` is of another segment than `n`
    hours: Floats | None = None  # float64[168], the line of each local hour of the week in place of `line`; None: one line for all


class Tilt(NamedTuple):
    """A histogram against a table of bets float64[K, len(symbols)]; `heal` (of one monitor) says how it is well again."""

    key: str
    symbols: Ints  # of the count; those left out say nothing
    table: Floats
    heal: Heal
    labels: tuple[str, ...]  # of each row of the table: what it speaks about (place, spread, f1)


class Monitor(NamedTuple):
    """One question about one quantity in one segment. `share` is set by the budget; `reference` and `unit` are for people."""

    watch: str
    subject: str
    segment: str
    row: int  # of the segment in the layout
    harm: bool
    clear_days: float
    streams: tuple[Stream, ...] = ()
    tilt: Tilt | None = None
    reference: float | None = None
    unit: str = "1"
    metric: str = ""
    group: str = ""  # subjects in equal parts: metrics, fields
    line: float | None = None
    pages: bool = True  # of harm: False, it only warns
    scale: tuple[float, float] | None = None  # of a tilt: a score s in [0, 1] means scale[0] + s scale[1] in `unit`
    healing_min: float = 30.0  # events (spells) inside the line, before it may be called recovering
    news: bool = False  # neither harm nor cause: told once as `info`, on a list of the budget of its own
    like: str = ""  # key of the monitor whose normal it shares: its clumping, and what a person accepts for either is accepted for both

    @property
    def key(self) -> str:
        return f"{self.watch}:{self.subject}/{self.segment}"


class Seen(NamedTuple):
    """What an explanation may speak of: the change and the numbers since then and of the current window."""

    segment: str
    subject: str
    direction: str
    label: str
    reference: float | None
    line: float | None
    current: float | None
    interval: tuple[float, float] | None
    n: int
    unit: str
    whole_looks_fine: bool
    share_of_traffic: float

    @property
    def where(self) -> str:
        """Behind what is said: ` on country=DE`; nothing of the whole."""
        return "" if self.segment == WHOLE else f" on {self.segment}"

    @property
    def contrast(self) -> str:
        """Behind that."""
        return " while the whole still looks fine" if self.whole_looks_fine and self.segment != WHOLE else ""


class Explained(NamedTuple):
    name: str  # alertname
    summary: str  # one sentence that a tired person understands
    runbook: str


class Watch(Protocol):
    """The contract of a file in this folder; the file ends with `WATCH = ...()`."""

    name: ClassVar[str]
    question: ClassVar[str]

    def counts(self, layout: "Layout") -> Sequence[Count]:
        """What is counted for this contract and reference."""

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:
        """Once per batch, vectorised."""

    def mature(self, layout: "Layout", matured: Matured, add: Add) -> None:
        """Once per closed cell, vectorised."""

    def decide(self, layout: "Layout", used: Used, add: Add) -> None:
        """Once per cell of predictions that are old enough to be judged by what was done with them, vectorised."""

    def complain(self, layout: "Layout", kind: Ints, add: Add) -> None:
        """The same by the complaints about them. kind: codes of Layout.kinds; len(kinds) another one, -1: none came in time."""

    def compare(self, layout: "Layout", compared: Compared, add: Add) -> None:
        """Once per closed cell and arm beside the model's, vectorised."""

    def derive(self, layout: "Layout", flat: Ints, carried: dict[str, Ints]) -> None:
        """In the judge, once per window that all tasks closed: counts that follow from its other counts, written beside them.

        carried: by count key what it keeps for the next window; the stage keeps it over a restart.
        """

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        """What is judged with statistics."""

    def rules(self, layout: "Layout") -> Sequence["Rule"]:
        """What needs no statistics."""

    def waits(self, layout: "Layout") -> str:
        """What the contract asks of it and the reference is too poor for, in words; "": nothing."""

    def explain(self, seen: Seen) -> Explained:
        """Pure text."""


class Quiet:
    """A watch's parts that many watches leave empty."""

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:
        """Counts nothing of predictions."""

    def mature(self, layout: "Layout", matured: Matured, add: Add) -> None:
        """Counts nothing at maturity."""

    def decide(self, layout: "Layout", used: Used, add: Add) -> None:
        """Counts nothing of decisions."""

    def complain(self, layout: "Layout", kind: Ints, add: Add) -> None:
        """Counts nothing of complaints."""

    def compare(self, layout: "Layout", compared: Compared, add: Add) -> None:
        """Compares no arms."""

    def derive(self, layout: "Layout", flat: Ints, carried: dict[str, Ints]) -> None:
        """Derives nothing."""

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:  # noqa: ARG002
        return ()

    def rules(self, layout: "Layout") -> Sequence["Rule"]:  # noqa: ARG002
        return ()

    def waits(self, layout: "Layout") -> str:  # noqa: ARG002
        return ""


@dataclass(frozen=True)
class Accepted:
    """What a person called normal for one monitor, by `accept`: it stands in place of the reference there, and nowhere else."""

    from_ms: int  # predictions from then on are counted
    to_ms: int
    rows: int
    counts: dict[str, Ints]  # of the count keys that the monitor reads -> int64[segments, symbols]; rows of other segments are 0
    phi: tuple[float, ...] = ()  # per stream or score; () where none is more than 1


@dataclass(frozen=True)
class Reference:
    """What is normal: made by stages/reference/ from rows, read by both stages. Numbers are counts, so everything else follows."""

    id: str
    from_ms: int
    to_ms: int
    rows: int
    segments: tuple[str, ...]  # listed ones, without whole and other
    edges: dict[str, tuple[float, ...]]  # feature, SCORE, CONFIDENCE, ANSWER -> inner bin edges, at most 31, ascending
    limits: dict[str, tuple[float, float]]  # number, ABS_ERROR -> smallest, largest value seen
    values: dict[str, tuple[str, ...]]  # category -> named values (at most 30), most frequent first
    rare: dict[str, tuple[str, ...]]  # category -> known but not named (at most 1,000)
    counts: dict[str, Ints] = field(default_factory=dict)  # count key -> int64[whole, other, *segments; symbols]
    phi: dict[str, tuple[float, ...]] = field(default_factory=dict)  # monitor key -> per stream or score, only where > 1
    growth: dict[str, float] = field(default_factory=dict)  # monitor key -> where > 1.6
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)  # every field name seen -> its types
    absent_runs: dict[str, int] = field(default_factory=dict)  # declared field -> longest run of records without it
    still: dict[str, tuple[float, ...]] = field(default_factory=dict)  # feature -> its longest run of one value: n, ms; changes
    expected: dict[str, tuple[float, ...]] = field(default_factory=dict)  # of score bins: what their answers turned out to be
    gap_s: float = 0.0  # longest time without an event
    pace: dict[str, tuple[float, ...]] = field(default_factory=dict)  # watches/pace.py: how much is expected at which hour
    delays_s: tuple[float, float] = (0.0, 0.0)  # of labels: p50, p95
    labelled: int = 0
    decided_s: tuple[float, float] = (0.0, 0.0)  # delays of decisions: p50, p95
    reasons: tuple[str, ...] = ()  # of overrides, most frequent first
    complained_s: tuple[float, float] = (0.0, 0.0)  # delays of complaints: p50, p95
    kinds: tuple[str, ...] = ()  # of complaints, most frequent first
    left_out: tuple[tuple[int, int], ...] = ()  # [from, to) in ms under an open alert: not normal, not counted
    labels_due_ms: int = 0  # of one that was learnt before its labels were in: when they are; 0: nothing is left to learn
    season: dict[str, Floats] = field(default_factory=dict)  # monitor key -> float64[streams, 168], usual rates by local hour of the week
    accepted: dict[str, Accepted] = field(default_factory=dict)  # monitor key -> its own normal

    @property
    def days(self) -> float:
        return max((self.to_ms - self.from_ms) / 86_400_000, 1e-9)
