"""What travels between services, stages and people. `schemas/` is generated from here; formats are described in the design's interfaces.

Producers write `Prediction`, `Outcome`, `Decision`, `Complaint`, `FlagChange`, `Heartbeat` (JSON); ingest writes `Observation` (msgpack, one per
task, window and partition of `observations`); judge writes `Finding`, `Summary` and `Alert` (JSON); people write `Command` and `Applied` (JSON).
Times end in `_at_ms` or `_ms`: integer milliseconds since 1970 UTC. Rows as read from Kafka are in rows.py.
"""

import re
from collections.abc import Sequence
from types import NoneType
from typing import Any, Literal, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from anchorwatch.events.rows import Headed, Headers, Record, Row, Rows, headed

__all__ = ["Headed", "Headers", "Record", "Row", "Rows", "headed"]  # of rows.py; and all that stands here

Value = str | float | bool | None  # what a feature may be; integers arrive as numbers
Answer = str | float | bool  # a prediction or a label; classes are compared as canonical text
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
Role = Literal["predictions", "outcomes", "decisions", "complaints", "flags", "siblings"]


def canonical(value: Answer) -> str:
    """The text by which classes are compared: `1`, `1.0` and `"1"` are one class, `true` is `true`; `01` is not `1`, since text stays.

    >>> [canonical(value) for value in ("block", 1.0, 0.25, True, "01", -0.0)]
    ['block', '1', '0.25', 'true', '01', '0']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    number = float(value)
    # from 2**53 on a double no longer tells whole numbers apart
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def texts(values: Sequence[Answer | None]) -> list[str | None]:
    """`canonical` of a column; 0.02 us a value where all are text. Never look raw answers up in a dict: there 1 and true are one key."""
    if set(map(type, values)) <= {str, NoneType}:
        return cast("list[str | None]", list(values))
    return [None if value is None else canonical(value) for value in values]


# --- what services write --------------------------------------------------------------------------------------------------------


class Flag(msgspec.Struct, omit_defaults=True):
    """A feature-flag evaluation behind a prediction, in OpenTelemetry's words."""

    key: str
    variant: str | None = None
    reason: str | None = None
    version: str | None = None


class FeatureMeta(msgspec.Struct, omit_defaults=True):
    at_ms: int | str | None = None
    status: str | None = None  # present, null, not_found, stale


class Prediction(msgspec.Struct, omit_defaults=True):
    """A model answered. Key of the record: `prediction_id`. Needed: prediction_id, model, prediction (or status >= 400)."""

    prediction_id: str
    model: str
    prediction: Answer | None = None
    score: float | None = None
    scores: dict[str, float] | None = None
    features: dict[str, Value] = {}
    segments: dict[str, Value] = {}
    predicted_at_ms: int | str | None = None
    requested_at_ms: int | str | None = None
    latency_ms: float | None = None
    model_version: str | None = None
    environment: str = "prod"
    feature_meta: dict[str, FeatureMeta] | None = None
    status: int | None = None
    propensity: float | None = None
    sampling_fraction: float | None = None
    arm: Literal["model", "baseline", "shadow"] = "model"
    baseline_prediction: Answer | None = None
    flag: Flag | None = None
    traceparent: str | None = None


class Outcome(msgspec.Struct, omit_defaults=True):
    """The truth about one prediction became known. Joined by `prediction_id`."""

    prediction_id: str
    model: str
    label: Answer
    known_at_ms: int | str | None = None
    revision: int = 0
    kind: Literal["observed", "proxy"] = "observed"
    source: str | None = None
    environment: str = "prod"
    traceparent: str | None = None


class Decision(msgspec.Struct, omit_defaults=True):
    """What downstream did with a prediction."""

    prediction_id: str
    model: str
    action: str
    recommended: str | None = None
    use: Literal["followed", "overridden", "ignored"] | None = None
    would_have_been: str | None = None
    decided_at_ms: int | str | None = None
    actor: str | None = None
    reason: str | None = None
    environment: str = "prod"


class Complaint(msgspec.Struct, omit_defaults=True):
    """Somebody complained about a prediction, or left because of it. What they wrote is not carried."""

    prediction_id: str
    model: str
    kind: str = "complaint"
    complained_at_ms: int | str | None = None
    actor: str | None = None
    source: str | None = None
    environment: str = "prod"


class FlagChange(msgspec.Struct, omit_defaults=True):
    """A flag, deploy, alias or setting changed. Key of the record: `<environment>/<key>`."""

    key: str
    state: str
    kind: Literal["flag", "deploy", "alias", "config"] = "flag"
    before: str | None = None
    models: list[str] | None = None
    announced: bool = False
    changed_at_ms: int | str | None = None
    actor: str | None = None
    reason: str | None = None
    version: str | None = None
    url: str | None = None
    environment: str = "prod"


class Heartbeat(msgspec.Struct):
    """No event before this time will follow in this partition."""

    heartbeat_at_ms: int


# --- what ingest writes ---------------------------------------------------------------------------------------------------------


class Counts(msgspec.Struct, array_like=True):
    """Additive counts of one name: a sparse int64[segments, symbols]. `at` = segment * symbols + symbol, ascending."""

    symbols: int
    at: bytes  # int32, little-endian
    value: bytes  # int64, little-endian

    @classmethod
    def pack(cls, dense: NDArray[np.int64]) -> "Counts":
        """dense: int64[segments, symbols]."""
        flat = np.ascontiguousarray(dense).reshape(-1)
        at = np.flatnonzero(flat)
        return cls(dense.shape[1], at.astype("<i4").tobytes(), flat[at].astype("<i8").tobytes())

    def add_to(self, total: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """total: int64[known segments, symbols]; rows[i] = row of total that segment i of the block means, -1: left out."""
        at = np.frombuffer(self.at, "<i4").astype(np.int64)
        row = rows[at // self.symbols]
        keep = row >= 0
        np.add.at(total, (row[keep], (at % self.symbols)[keep]), np.frombuffer(self.value, "<i8")[keep])


class FieldCount(msgspec.Struct, array_like=True):
    """One field name as seen in the records that were read as maps."""

    present: int
    types: dict[str, int]  # number, text, bool, null, nested
    sample: list[tuple[int, Value]] = []  # (hash of the id, value) of an undeclared field: the 64 of smallest hash, so that samples merge


class Exemplar(msgspec.Struct, array_like=True):
    """A kept prediction that stands for many: the link from an alert to a trace."""

    segments: list[str]  # all that it belongs to
    reason: str  # what it is evidence of: slow, wrong, any
    value: float  # seconds of latency; 1 of a wrong answer
    traceparent: str
    hash: int  # of the prediction id: orders equals


class Sample(msgspec.Struct, array_like=True):
    """Judged predictions that stand for all of a window: those whose id has the smallest hash, so that samples merge."""

    of: str  # name of the definition of their cells, as in `counts`
    hashes: bytes  # uint64, little-endian, ascending
    rows: bytes  # uint8 of each: its cell in each field, then 1 where the answer was wrong


class Block(msgspec.Struct):
    """The counts of one model in one window of one task. Blocks of many tasks merge by adding."""

    environment: str
    model: str
    contract: str  # id of the contract
    reference: str  # id of the reference it was binned with, "" without one
    segments: list[str]
    counts: dict[str, Counts]
    fields: dict[str, FieldCount] = {}
    looked_at: int = 0  # records read as maps for `fields`
    last_ms: int = -1  # event time of the newest prediction, -1: none
    exemplars: list[Exemplar] = []
    versions: dict[str, int] = {}  # model_version -> predictions
    reasons: dict[str, int] = {}  # flag.reason -> predictions
    fallen: dict[str, int] = {}  # segment -> predictions whose flag evaluation did not choose
    sample: Sample | None = None  # of what was judged, where the contract looks for slices


class Observation(msgspec.Struct):
    """What one ingest task saw in one window, for one partition of `observations`. Written also when empty: it carries the watermark."""

    v: int
    feed: str
    task: int
    tasks: int
    window: tuple[int, int]  # [from, to) in ms
    watermark_ms: int
    spans: dict[str, tuple[int, int]]  # topic -> [from, to) offsets read since the record before
    part: tuple[int, int]  # number i of n parts
    blocks: list[Block]
    tallies: dict[str, dict[str, int]] = {}  # "<environment>/<model>" -> counter -> n: what was noted, repaired, refused, late, ...


# --- what judge writes ----------------------------------------------------------------------------------------------------------

Verdict = Literal["quiet", "warning", "page", "news", "recovering", "exact"]
Severity = Literal["critical", "warning", "info"]


class Finding(msgspec.Struct, omit_defaults=False):
    """One monitor whose verdict changed. Numbers carry 6 significant digits."""

    model: str
    environment: str
    window: tuple[int, int]
    closed_by: Literal["watermark", "grace"]
    watch: str
    subject: str
    segment: str
    verdict: Verdict
    direction: Literal["up", "down", ""]
    evidence_days: float | None
    page_at_days: float | None
    line: float | None
    reference: float | None
    current: float | None
    interval: tuple[float, float] | None
    n: int
    since_ms: int
    detector: str
    contract: str
    reference_id: str
    name: str  # alertname
    severity: Severity
    summary: str
    outside_budget: bool = False
    trace_ids: list[str] = []
    schema: str = "finding.v1"


class Summary(msgspec.Struct):
    """One per model and minute, for charts: columns over segments; a missing number is null and has a reason."""

    model: str
    environment: str
    at_ms: int
    state: str  # learning, watching
    segments: list[str]
    columns: dict[str, list[float | None]]
    reasons: dict[str, str]
    tallies: dict[str, int]
    owner: str
    traffic: str = "alive"  # alive, dark, switched off, retired
    metrics: dict[str, float | None] = {}  # of the whole, by name; null: its labels cannot tell
    schema: str = "summary.v1"


class Alert(msgspec.Struct, omit_defaults=False):
    """A change of state of one alert; a superset of Alertmanager's postableAlert (interfaces.md 4)."""

    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str  # noqa: N815 (Alertmanager's spelling)
    endsAt: str | None  # noqa: N815
    generatorURL: str  # noqa: N815
    id: str
    dedup_key: str
    state: Literal["firing", "acknowledged", "recovering", "resolved"]
    sequence: int
    opened_at_ms: int
    at_ms: int  # event time of this change
    incident: str
    owner: dict[str, Any]
    evidence: dict[str, Any]
    impact: dict[str, Any]
    caused_by: list[dict[str, Any]]
    trace_ids: list[str]
    reason: str = ""  # why it was resolved or acknowledged
    actor: str = ""
    silenced_until_ms: int | None = None
    outside_budget: bool = False
    loud: bool = True  # False: an edit of what is known already; wakes nobody
    schema: str = "alert.v1"


# --- what people write ----------------------------------------------------------------------------------------------------------


class Command(msgspec.Struct, omit_defaults=True):
    """Key of the record: `<verb>/<target>`. Target: dedup key, alert id, incident or `<environment>/<model>`."""

    verb: Literal["ack", "silence", "resolve", "accept", "retire", "unretire"]
    target: str
    actor: str
    reason: str
    at_ms: int
    until_ms: int | None = None


class Applied(msgspec.Struct, omit_defaults=True):
    """A contract and its reference as written to `contracts` by `apply`. Key: `<environment>/<model>`; a tombstone removes it."""

    contract: dict[str, Any]
    actor: str
    at_ms: int
    effective_from_ms: int
    reason: str = ""
    reference: dict[str, Any] | None = None
    learnt: bool = False  # from the stream, by nobody's order: a changed file of the same model still wins
    schema: str = "applied.v1"
