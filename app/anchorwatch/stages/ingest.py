"""One task of the ingest stage: records of one partition of a feed in, blocks of counts out. Pure: time is an argument.

Decode, join, count per segment and event-time window; when the watermark passes a window its block leaves for `observations`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from anchorwatch.events import Observation, Role, Row, Rows
from anchorwatch.stages import reacting
from anchorwatch.stages._formats import Decoder, Formats, Translator
from anchorwatch.stages.beside import Listening
from anchorwatch.stages.columns import Maker, Objects
from anchorwatch.stages.dead import DeadLetters
from anchorwatch.stages.ingest_state import Book
from anchorwatch.stages.intake import Batch, Intake, known_by
from anchorwatch.stages.model_ingest import ModelIngest
from anchorwatch.stages.observe import observations, records_of
from anchorwatch.stages.registry import Registry, Version
from anchorwatch.stages.report import Frozen, Report
from anchorwatch.stages.upstream import Upstream
from anchorwatch.watches.base import Ints

AHEAD_MS_MAX = 300_000  # a time further ahead of the wall is no time at all
KEYS = ("note.misplaced_key", "note.quoted_key")
MODELS_MAX = 1_000  # names without a contract that are counted apart; above: together
ENVIRONMENT, MODEL = attrgetter("environment"), attrgetter("model")


@dataclass(frozen=True)
class IngestSettings:
    """Of one feed; names of topics are whole."""

    feed: str
    roles: Mapping[str, Role]  # source topic -> what it carries
    observations: str
    observation_partitions: int
    dead_letters: str
    window_ms: int = 10_000
    lateness_ms: int = 5_000
    wall: bool = True  # False: only events and heartbeats move the clock
    pending_bytes_max: int = 512_000_000
    rekeyed: frozenset[str] = frozenset()  # source topics that `rekey` tasks write
    models: frozenset[str] | None = None  # `<environment>/<model>` of this feed; None: all


class Ingest:
    def __init__(
        self, task: int, tasks: int, registry: Registry, formats: Formats, settings: IngestSettings, chunks: Mapping[bytes, bytes]
    ) -> None:
        """chunks: what the last life of this task wrote. Raises StateCorrupt."""
        self.task, self.tasks, self.registry, self.formats, self.settings = task, tasks, registry, formats, settings
        self.intake = Intake(self.note, formats.as_map, settings.wall)
        self.models, self.listening = dict[str, ModelIngest](), Listening()
        self.seen: dict[str, int] = {}  # topic -> highest event time
        self.watermark, self.closed_ms = -1, -1
        self.spans: dict[str, tuple[int, int]] = {}  # offsets read since the last observation
        self.tallies: dict[str, dict[str, int]] = {}  # since the last observation
        self.ready: list[Observation] = []
        self.dead = DeadLetters(formats.dead_letter, task, settings.dead_letters)
        self._decoders: dict[str, Decoder] = {}
        self._translators: dict[str, Translator] = {}  # by topic, of foreign ones alone
        self.upstream = {topic: Upstream() for topic in sorted(settings.rekeyed)}
        self.halves: dict[str, list[list[Any]]] = {}  # topic -> what the last life of this task left waiting
        self._makers, self._shapes = dict[tuple[str, str], Maker](), dict[str, dict[str, str]]()
        self._versions: tuple[int, list[int]] = (-1, [])
        self.book = Book()
        self.book.restore(self, chunks)

    def note(self, key: str, what: str, n: int) -> None:
        """Counted per model, travels with the next observation."""
        if not n:
            return
        if key not in self.tallies and len(self.tallies) >= MODELS_MAX:
            key = ""
        table = self.tallies.setdefault(key, {})
        table[what] = table.get(what, 0) + n

    # rows in

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None = None) -> None:
        """Consecutive records of one topic. polled_ms: when they were read, wall clock (under `clock: events` any number)."""
        rows = Rows.of(rows)
        if topic in self.upstream:
            rows, came = self.upstream[topic].split(rows)
            traceparents = traceparents and [traceparents[i] for i in came]
            if not came:
                return
        self._prepare(int(rows.stamps[0]))
        role, known_ms = self.settings.roles[topic], known_by(rows, polled_ms)
        if topic in self._translators:
            rows, traceparents, decoded = self._translated(topic, role, rows, polled_ms, traceparents)
        else:
            decoded = self._decoders[role].decode(rows)
            self._refuse(topic, rows, decoded.refused, decoded.tally, polled_ms)
        self._advance(topic, decoded.at_ms, decoded.heartbeat_ms, known_ms)
        self._count_all(topic, rows, decoded, polled_ms, traceparents)

    def _count_all(self, topic: str, rows: Rows, decoded: Any, polled_ms: int, traceparents: Sequence[bytes | None] | None) -> None:
        if decoded.records:
            row_of = None if decoded.rows is None else np.array(decoded.rows, np.int64)
            at_ms = self._sane(decoded.at_ms, polled_ms)
            batch = Batch(
                topic, self.task, rows, decoded.records, decoded.ids, decoded.traces, row_of, at_ms, decoded.latency_ms, polled_ms, traceparents
            )  # fmt: skip
            self.listening.count(self, batch)
            for key, places in self._by_model(decoded.records).items():
                self._route(self.settings.roles[topic], key, batch if places is None else batch.part(places))

    def _translated(
        self, topic: str, role: Role, rows: Rows, polled_ms: int, traceparents: Sequence[bytes | None] | None
    ) -> tuple[Rows, Sequence[bytes | None] | None, Any]:
        """Rows of ours, the trace of each, and what they hold. What is refused is so in the bytes in which it came."""
        opened = self._translators[topic].open(rows)
        ours = Rows.of(opened.rows)
        decoded = self._decoders[role].decode(ours)
        tally = Counter(opened.tally) + Counter(decoded.tally)
        self._refuse(topic, rows, opened.refusals(decoded.refused), tally, polled_ms)
        return ours, traceparents and [traceparents[i] for i in opened.origin], decoded

    def _advance(self, topic: str, at: Ints, heartbeat_ms: int, known_ms: int) -> None:
        """How far the topic was seen. A record with a clock ahead does not take the others with it, which would all come late then."""
        times = np.append(at, heartbeat_ms)
        if self.settings.wall:
            times = np.minimum(times[times <= known_ms + AHEAD_MS_MAX], known_ms)
        self.seen[topic] = max(self.seen.get(topic, -1), int(times.max(initial=-1)))

    def _sane(self, at: Ints, polled_ms: int) -> Ints:
        """Record timestamps may lie as well: what claims to come from far ahead came now, else each would hold a window open for ever."""
        if not self.settings.wall or int(at.max()) <= polled_ms + AHEAD_MS_MAX:
            return at
        self.note("", "note.clock_ahead", int((at > polled_ms + AHEAD_MS_MAX).sum()))
        return np.where(at > polled_ms + AHEAD_MS_MAX, polled_ms, at)

    def _prepare(self, at_ms: int) -> None:
        """Decoders follow the contracts: a struct per model, so that a record is read once, into typed fields.

        at_ms: of the first record. The features of all versions are read, since windows of each may be open; where their types differ,
        as the version says that is in force then.
        """
        mine = self.settings.models
        keys = [key for key in self.registry.versions if mine is None or key in mine]
        in_force = [version for key in keys if (version := self.registry.at(key, at_ms)) is not None]
        current = (self.registry.changes, [version.from_ms for version in in_force])
        if self._decoders and current == self._versions:
            return
        shapes: dict[str, dict[str, str]] = {}
        for version in [*(v for key in keys for v in self.registry.versions[key]), *in_force]:
            shapes.setdefault(version.contract.model, {}).update(version.layout.features)
        only = next(iter(shapes)) if len(shapes) == 1 else None
        for role in set(self.settings.roles.values()):
            self._decoders[role] = self.formats.make(role, list(shapes.items()), only)
        contracts = [self.registry.versions[key][-1].contract for key in keys]
        opens = {topic: self.formats.translator(role, contracts) for topic, role in self.settings.roles.items()}
        kept, self.halves = self.waiting_halves(), {}
        self._translators = {topic: found for topic, found in opens.items() if found is not None}
        for topic, translator in self._translators.items():
            translator.restore(kept.get(topic, []))
        self._shapes, self._makers, self._versions = shapes, {}, current

    def waiting_halves(self) -> dict[str, list[list[Any]]]:
        """By topic; those of formats whose events are one record are none."""
        found = self.halves | {topic: translator.snapshot() for topic, translator in self._translators.items()}
        return {topic: kept for topic, kept in found.items() if kept}

    def _by_model(self, records: Objects) -> dict[str, Ints | None]:
        """`<environment>/<model>` -> places in records; None: all of them."""
        environments, models = list(map(ENVIRONMENT, records)), list(map(MODEL, records))
        if environments.count(environments[0]) == models.count(models[0]) == len(records):
            return {f"{environments[0]}/{models[0]}": None}
        found: dict[str, list[int]] = {}
        for i, (environment, model) in enumerate(zip(environments, models, strict=True)):
            found.setdefault(f"{environment}/{model}", []).append(i)
        return {key: np.array(places) for key, places in found.items()}

    def _route(self, role: Role, key: str, batch: Batch) -> None:
        """By the version in force at each event's window: nearly always one for the whole batch."""
        window = self.settings.window_ms
        starts = batch.at // window * window
        first, last = self.registry.at(key, int(starts.min())), self.registry.at(key, int(starts.max()))
        if first is not None and self.settings.models is not None and key not in self.settings.models:
            self.note(key, "of_another_feed", len(batch.records))
            return
        if first is None or last is None:
            self.note(key, "no_contract", len(batch.records))
            self.intake.report.count("anchorwatch.notes", len(batch.records), kind="no_contract")
            return
        if first is last or role != "predictions":
            self._count(role, key, last, batch)
            return
        for start in np.unique(starts).tolist():
            version = self.registry.at(key, start)
            if version is not None:
                self._count(role, key, version, batch.part(np.flatnonzero(starts == start)))

    def _count(self, role: Role, key: str, version: Version, batch: Batch) -> None:
        model, maker = self.model(key), self._maker(version)
        if role == "predictions":
            self.intake.predictions(key, version, maker, model, batch, self.closed_ms)
        elif role == "outcomes":
            self.intake.outcomes(key, version, maker, model, batch)
        elif role in reacting.HORIZONS:
            reacting.take(self.intake, version, model, role, batch)

    def _maker(self, version: Version) -> Maker:
        key = (version.contract.id, version.layout.reference_id)
        maker = self._makers.get(key)
        if maker is None:
            shape = self._shapes.get(version.contract.model, {})
            maker = self._makers[key] = Maker(version.layout, {name: i for i, name in enumerate(shape)})
        return maker

    def model(self, key: str) -> ModelIngest:
        found = self.models.get(key)
        if found is None:
            found = self.models[key] = ModelIngest(key, self.settings.window_ms)
        return found

    def _refuse(self, topic: str, rows: Rows, refusals: Sequence[Any], tally: Mapping[tuple[str, str], int], polled_ms: int) -> None:
        """Refused rows go to the dead letters; what was noted or repaired is counted under its model."""
        for (key, what), n in tally.items():
            if topic in self.upstream and what in KEYS:
                continue  # they were keyed by us: several instances of an event go by its id
            self.note(key, what, n)
            kind, _, detail = what.partition(".")
            name = {"note": "anchorwatch.notes", "repair": "anchorwatch.repairs"}.get(kind, "anchorwatch.records.tombstones")
            self.intake.report.count(name, n, **({"kind": detail.partition(":")[0]} if detail else {}))
        for refused in refusals:
            self.note("", f"refused.{refused.kind}", 1)
            self.intake.report.count("anchorwatch.dead_letters", 1, kind=refused.kind)
            self.dead.add(rows[refused.row], topic, refused, polled_ms)
        self.note("", f"read.{topic}", len(rows))

    # the clock

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        """ended: topics read to their end; under the wall's clock they are as far as now."""
        times = [self._far(topic, now_ms, ended) for topic in self.settings.roles]
        if self.settings.wall:  # else heartbeats tell, in their place among the records
            self._give_up(dict(zip(self.settings.roles, times, strict=True)), now_ms)
        watermark = min(times) - self.settings.lateness_ms
        if watermark <= self.watermark or min(times) < 0:
            return
        self.watermark = watermark
        boundary = watermark // self.settings.window_ms * self.settings.window_ms
        if boundary > self.closed_ms:
            self._close(boundary)

    def _far(self, topic: str, now_ms: int, ended: frozenset[str]) -> int:
        if topic in self.upstream:
            return self.upstream[topic].to_ms()
        seen = self.seen.get(topic, -1)
        return max(seen, now_ms) if self.settings.wall and topic in ended else seen

    def _give_up(self, far: Mapping[str, int], now_ms: int) -> None:
        """Before windows close: halves of events whose other half did not come, on topics where no record tells that it is so late."""
        if self.halves:
            self._prepare(now_ms)  # nothing came since this life began
        for topic, translator in self._translators.items():
            if (opened := translator.overdue(far[topic])) is not None:
                ours = Rows.of(opened.rows)
                decoded = self._decoders[self.settings.roles[topic]].decode(ours)
                self._refuse(topic, ours, (), Counter(opened.tally) + Counter(decoded.tally), now_ms)
                self.note("", "note.pair_refused", len(decoded.refused))  # there is no record to be a dead letter
                self._count_all(topic, ours, decoded, now_ms, None)

    def _close(self, boundary: int) -> None:
        for key, model in self.models.items():
            version = self.registry.at(key, boundary)
            if version is None:
                model.clear()  # its contract was removed: nobody asks for its rows any more
                continue
            self.note(key, "matured", model.mature(version.layout, boundary, self.closed_ms))
            unlabelled, unmatched = model.leave(self.watermark, version.layout)
            most = self.settings.pending_bytes_max // max(len(self.models), 1)
            expired, ghosts = model.squeeze(most - sum(each.nbytes for each in model.reactions.values()))
            self.intake.gone(version, {"missing": unlabelled, "unmatched": unmatched + ghosts, "expired": expired}, model.waiting.n)
            reacting.gone(self.intake, version, model, self.watermark, most // 4)
        self.closed_ms = boundary
        self.ready += observations(self, boundary)
        self.tallies = {}

    # the cut

    def due(self) -> bool:
        return bool(self.ready or self.dead.letters)

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        """spans: topic -> offsets [from, to) read since the cut before."""
        for topic, (begin, end) in spans.items():
            self.spans[topic] = (self.spans.get(topic, (begin, end))[0], end)
        records = records_of(self)
        chunks = self.book.freeze(self)
        report, self.intake.report = self.intake.report, Report()
        return Frozen(chunks, records + self.dead.take(), report)
