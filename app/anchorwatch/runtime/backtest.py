"""What would have been heard? Rows of a file through both stages in this process: no Kafka, and the events' own clock.

course = plan(contract, events, until_ms=...)     what is normal, and what is judged
told = backtest(course, Clockwork())              findings, alerts, counts, speed
"""

import gzip
import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from anchorwatch.contract import READ, Contract
from anchorwatch.contract.model import Input, Source
from anchorwatch.errors import ConfigError, ContractError
from anchorwatch.events import Alert, Applied, Finding, Role
from anchorwatch.runtime import formats
from anchorwatch.runtime.ahead import ahead
from anchorwatch.runtime.drive import Clockwork, Drive, Event, applied_of
from anchorwatch.sources import native
from anchorwatch.sources.native import as_map
from anchorwatch.sources.native.times import instant
from anchorwatch.stages.reference import ROWS_MIN, Rows, learn, reference_from_json, reference_to_json, with_features
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.spans import Spans, inside

FAULTS_SHOWN = 20
HOUR_MS, SUMMARY_MS = (
    3_600_000,
    10**15,
)  # summaries are for charts of what runs: nobody sees those of a file, and they cost as much as judging
WINDOWS_MANY = 1_000  # with events; fewer are judged in some seconds
SIBLINGS_MAX = 10**9  # of one line
SAMPLES = 2_000  # whose fields become features, where the contract declares none
LINES = (".jsonl", ".ndjson", ".json")
TABLES = (".csv",)
TIMES: dict[Role, str] = {**native.TIMES, "siblings": "at_ms"}


class Course(NamedTuple):
    """A file ready to be driven."""

    contract: Contract
    reference: dict[str, Any] | None  # as JSON; None: the model is learning
    events: list[Event]  # in the order of their time
    end_ms: int  # every window that holds an event ends by then
    later: tuple[Applied, ...] = ()  # what a model without a reference learns from these events, and from when on

    @property
    def applied(self) -> list[Applied]:
        """All that is in force, in the order of its time."""
        return [applied_of(self.contract, self.reference), *self.later]

    @property
    def reference_id(self) -> str:
        return str(self.reference["id"]) if self.reference else ""

    @property
    def last_prediction_ms(self) -> int:
        return max(e.at_ms for e in self.events if e.role == "predictions")


@dataclass(frozen=True)
class Told:
    """What came out, whichever way the events went."""

    course: Course
    window_ms: int
    findings: list[Finding]
    alerts: list[Alert]
    refused: int  # records that became dead letters
    seconds: float

    @property
    def events_per_second(self) -> float:
        return len(self.course.events) / max(self.seconds, 1e-9)


def backtest(course: Course, clockwork: Clockwork, say: Callable[[str], None] = lambda _: None) -> Told:
    """say: how far it is, for whoever waits."""
    begin, first_ms, hint = time.perf_counter(), course.events[0].at_ms, sparse(course, clockwork.window_ms)

    def passed(to_ms: int) -> None:
        share = min(max(to_ms - first_ms, 0) / max(course.end_ms - first_ms, 1), 1)
        say(f"{100 * share:.0f} % of the time is judged{hint}")

    unseen = replace(clockwork, summary_ms=SUMMARY_MS)
    drive = Drive(course.applied, unseen, passed, {event.role for event in course.events})
    heard = drive.feed(course.events).end(course.end_ms)
    return Told(course, clockwork.window_ms, heard.findings, heard.alerts, len(heard.dead), time.perf_counter() - begin)


def sparse(course: Course, window_ms: int) -> str:
    """What a longer window would save, where nearly every event has a window of its own; "" where they share."""
    times = {e.at_ms // window_ms for e in course.events}
    wider = len({e.at_ms // HOUR_MS for e in course.events})
    if window_ms >= HOUR_MS or len(times) < WINDOWS_MANY or 2 * len(times) < len(course.events) or 2 * wider > len(times):
        return ""
    return f"; {len(times):,} windows hold events, --window 1h would make them {wider:,}"


# what is normal, what is judged


def plan(
    contract: Contract, events: Sequence[Event], *, window_ms: int, reference: Sequence[Event] | None = None, until_ms: int | None = None
) -> Course:
    """`reference`: rows of a quiet time; or `until_ms`: predictions before it, with their outcomes, are the reference, the rest is judged.

    Without either the contract's own `reference.window` is taken from the rows; without that the model learns from its first events.
    Raises ContractError: too few rows to call anything normal; ConfigError: nothing is left to judge.
    """
    begin_ms = 0
    if reference is None and until_ms is None and contract.reference.window is not None:
        begin_ms, until_ms = contract.reference.window
    normal, judged = (reference or [], list(events)) if until_ms is None else split(events, begin_ms, until_ms)
    if not any(e.role == "predictions" for e in judged):
        raise ConfigError("nothing to judge: no prediction lies outside the reference; give an earlier --reference-until, or another file")
    known = learned(contract, normal) if reference is not None or until_ms is not None else None
    last = max(e.at_ms for e in judged)
    said = None if contract.source.complaints is None else Input()
    source = Source(flags=contract.source.flags, complaints=said)  # a file has no topics, and replay none of theirs
    own = contract.model_copy(update={"source": source})
    end_ms = (last // window_ms + 1) * window_ms
    later = tuple(ahead(own, judged, window_ms, end_ms)) if known is None else ()
    return Course(own, known, judged, end_ms, later)


def unheard(course: Course) -> list[str]:
    """What the contract asks for and its reference is too poor for, in words: a share among siblings, complaints."""
    reference = reference_from_json(course.reference) if course.reference else None
    return Layout(course.contract, reference, catalogue()).waits


def split(events: Sequence[Event], begin_ms: int, until_ms: int) -> tuple[list[Event], list[Event]]:
    """By the time of the prediction: its outcome goes with it, whenever it became known. What lies before `begin_ms` is left out."""
    early = {e.key for e in events if e.role == "predictions" and e.at_ms < until_ms}
    left_out = {e.key for e in events if e.role == "predictions" and e.at_ms < begin_ms} if begin_ms else set()
    normal = [e for e in events if _timed(e, begin_ms, until_ms) or (e.key in early and e.key not in left_out and e.role in READ)]
    return normal, [e for e in events if (e.at_ms >= until_ms if e.role == "siblings" else e.key not in early or e.role == "flags")]


def _timed(event: Event, begin_ms: int, until_ms: int) -> bool:
    """Of events that belong to no prediction: siblings of that time."""
    return event.role == "siblings" and begin_ms <= event.at_ms < until_ms


def of_time(events: Iterable[Event], from_ms: int, to_ms: int) -> list[Event]:
    """Predictions of that time, everything about them, whenever it came, and siblings of that time."""
    events = list(events)
    ids = {e.key for e in events if e.role == "predictions" and from_ms <= e.at_ms < to_ms}
    return [e for e in events if (_timed(e, from_ms, to_ms) if e.role == "siblings" else e.key in ids)]


def learned(contract: Contract, events: Sequence[Event], *, strict: bool = True, left_out: Spans = ()) -> dict[str, Any]:
    """The reference of these rows, as JSON. Raises ContractError when they are too few or some cannot be used.

    strict: False of a stream, where what cannot be used is in the dead letters already. left_out: times whose predictions are not normal.
    """
    if left_out:
        timed = np.array([e.at_ms if e.role in ("predictions", "siblings") else -1 for e in events], np.int64)
        events = [event for event, away in zip(events, inside(timed, left_out).tolist(), strict=True) if not away]
        ids = {event.key for event in events if event.role == "predictions"}
        events = [event for event in events if event.key in ids or event.role == "siblings"]
    samples = [as_map(e.value) for e in islice((e for e in events if e.role == "predictions"), SAMPLES)]
    kinds = {name: str(feature.type) for name, feature in with_features(contract, samples).features.items()}
    rows = decoded(contract.model, kinds, events, strict=strict)
    if len(rows.raws) < ROWS_MIN:
        raise ContractError(f"reference of {contract.key}: {len(rows.raws)} predictions are too few, {ROWS_MIN} are needed; give more rows")
    return reference_to_json(learn(contract, rows, as_map, {name: i for i, name in enumerate(kinds)}, left_out=left_out))


def decoded(model: str, features: Mapping[str, str], events: Sequence[Event], *, strict: bool = True) -> Rows:
    """features: name -> type; feature i of them is attribute f<i> of what is decoded. Raises ContractError with the rows that cannot be used."""
    shapes = [(model, dict(features))]
    predictions = formats.make("predictions", shapes, model).decode(_rows(events, "predictions"))
    outcomes, decisions, complaints = (formats.make(role, shapes, model).decode(_rows(events, role)) for role in READ[1:])
    raws = [e.value for e in events if e.role == "predictions"]
    if predictions.rows is not None:
        raws = [raws[i] for i in predictions.rows]
    refused = [*predictions.refused, *outcomes.refused, *decisions.refused, *complaints.refused]
    if strict and refused:
        why = [f"reference: row {r.row + 1} cannot be used: {r.path}: {r.reason}; {r.fix}" for r in refused[:FAULTS_SHOWN]]
        raise ContractError([*why, *([f"{len(refused) - FAULTS_SHOWN} more rows"] if len(refused) > FAULTS_SHOWN else [])])
    mine = [i for i, record in enumerate(predictions.records) if record.arm == "model"]  # what other arms answered is not its normal
    records, raws = [predictions.records[i] for i in mine], [raws[i] for i in mine]
    at_ms, latency_ms = predictions.at_ms[mine], predictions.latency_ms[mine]
    theirs = np.array([(e.at_ms, int(e.value)) for e in events if e.role == "siblings"], np.int64).reshape(-1, 2)
    return Rows(
        records, at_ms, latency_ms, raws, outcomes.records, outcomes.at_ms, decisions.records, decisions.at_ms, complaints.records,
        complaints.at_ms, theirs,
    )  # fmt: skip


def _rows(events: Iterable[Event], role: Role) -> list[tuple[bytes, bytes, int, int]]:
    return [(e.key, e.value, i, e.at_ms) for i, e in enumerate(e for e in events if e.role == role)]


# files


def read(path: Path, contract: Contract) -> list[Event]:
    """CSV rows (columns as `apply --reference` takes them) or JSON lines of native events, each also gzipped; in the order of time.

    Raises ConfigError with line numbers.
    """
    kind = Path(path.name.removesuffix(".gz")).suffix.lower()
    if kind not in (*LINES, *TABLES):
        raise ConfigError(f"{path}: {kind or 'a name without an ending'} is not read; give .csv or .jsonl, either may end in .gz")
    if kind in TABLES:
        from anchorwatch.runtime.rows import read_rows

        return [Event(*row) for row in read_rows(path, contract)]
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); is it there, and whole?") from error
    return sorted(_lines(path, text), key=lambda event: event.at_ms)


def _lines(path: Path, text: bytes) -> Iterator[Event]:
    """One native event a line; its role shows in its fields, its time must stand in it."""
    faults: list[str] = []
    for number, line in enumerate(io.BytesIO(text), 1):
        value = line.strip()
        if not value:
            continue
        found = _event(value)
        if isinstance(found, Event):
            yield found
        elif found:
            faults.append(f"{path}:{number}: {found}")
    if faults:
        raise ConfigError(
            "\n".join([*faults[:FAULTS_SHOWN], *([f"{len(faults) - FAULTS_SHOWN} more lines"] if len(faults) > FAULTS_SHOWN else [])])
        )


def _event(value: bytes) -> Event | str:
    """The event of a line, or what is wrong with it ("": nothing, it is a heartbeat). What it holds is for the decoders to judge."""
    try:
        found = msgspec.json.decode(value)
    except msgspec.DecodeError:
        found = as_map(value)
    if not isinstance(found, dict) or not found:
        return "is no JSON object; write one native event a line"
    if "heartbeat_at_ms" in found:
        return ""
    role: Role = next((named for mark, named in MARKS if mark in found), "predictions")
    if role == "predictions" and TIMES[role] not in found and "kind" in found:
        role = "complaints"  # shows by its time alone, which is what is missing
    stated = found.get(TIMES[role])
    at = instant(stated) if isinstance(stated, int | float | str) and not isinstance(stated, bool) else "missing"
    if isinstance(at, str):
        return f"{TIMES[role]} is {at}: in a file every event needs its time, as milliseconds since 1970 or RFC 3339 with an offset"
    key = found.get("prediction_id", "")
    if role == "siblings":
        n = found.get("n", 1)
        if not isinstance(n, int) or isinstance(n, bool) or not 0 < n <= SIBLINGS_MAX:
            return f"n is {n!r}: how many events of the sibling topic came then, a whole number from 1"
        return Event(role, at, str(found["sibling"]).encode(), str(n).encode())
    if role == "flags":
        key = f"{found.get('environment', 'prod')}/{found.get('key', '')}"
    return Event(role, at, str(key).encode(), value)


MARKS: tuple[tuple[str, Role], ...] = (
    ("sibling", "siblings"), ("label", "outcomes"), ("action", "decisions"), ("complained_at_ms", "complaints"), ("state", "flags"),
)  # fmt: skip
