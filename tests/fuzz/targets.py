"""What reads bytes that others wrote. Each target takes one input, raises nothing that its reader does not promise, and loses nothing uncounted.

The health endpoints read no body.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, NamedTuple

import msgspec
import xxhash
from tests.contract.examples import FULL, SMALL
from tests.sources.disguises import DISGUISES
from tests.sources.hooks.posts import BODIES, SECRET, signed
from tests.stages.lives import ManyLives
from tests.traffic import LOAN, T0, loan_applied, traffic

from anchorwatch import contract as contracts
from anchorwatch.config import load
from anchorwatch.engine.store import Head
from anchorwatch.errors import ConfigError, ContractError, StateRefused
from anchorwatch.events import Command, FlagChange, Role, Row, headed
from anchorwatch.runtime import formats, init, shown
from anchorwatch.runtime.control import Controls, FlagReader
from anchorwatch.runtime.drive import Clockwork, Drive
from anchorwatch.runtime.init.opened import Side
from anchorwatch.runtime.job import of_settings
from anchorwatch.runtime.roster import Roster
from anchorwatch.runtime.sinks import decoded
from anchorwatch.runtime.worker import Worker
from anchorwatch.sources import hooks
from anchorwatch.stages.judge import Judge
from anchorwatch.state import MAGIC, join, unpack

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "clock": "events"})
NATIVE: tuple[Role, ...] = ("predictions", "outcomes", "decisions", "complaints", "flags")


class Target(NamedTuple):
    seeds: tuple[bytes, ...]
    take: Callable[[bytes], None]
    share: int  # of a run's inputs: slow ones have less


# events


def counted(rows: Sequence[Row], found: Any) -> None:
    """Every row is a record, refused, a tombstone or a heartbeat, and exactly one of these."""
    records = range(len(found.records)) if found.rows is None else found.rows
    told = [*records, *(refused.row for refused in found.refused)]
    silent = set(range(len(rows))) - set(told)

    assert len(told) == len(set(told)), "a row is told twice"
    assert all(rows[i][1] is None or b"heartbeat" in (rows[i][1] or b"") for i in silent), "a row is lost without a word"
    assert len(found.at_ms) == len(found.records)


def native(role: Role) -> Target:
    decoder = formats.make(role, [("loan", {"amount": "number", "age": "number", "job": "category"})], None)
    events = [event for event in traffic(40, seed=5) if event.role == role]
    others = {
        "decisions": [b'{"prediction_id":"a","model":"loan","action":"refuse","use":"followed","decided_at_ms":1800000000000}'],
        "complaints": [b'{"prediction_id":"a","model":"loan","kind":"ticket","complained_at_ms":1800000000000}'],
        "flags": [msgspec.json.encode(FlagChange("loan-on", "off", changed_at_ms=T0, actor="ann"))],
    }
    good = (b"x", b'{"heartbeat_at_ms":1800000000000}', 0, T0)

    def take(raw: bytes) -> None:
        rows: list[Row] = [(b"a", raw, 1, T0), (raw[:50], raw, 2, -1), (None, None, 3, T0), good]
        counted(rows, decoder.decode(rows))

    return Target(tuple(event.value for event in events) or tuple(others[role]), take, 12)


def foreign(name: str) -> Target:
    disguise = DISGUISES[name]
    events = traffic(20, seed=6)
    rows = disguise.rows("predictions", [event for event in events if event.role == "predictions"])
    headers = [getattr(row, "headers", {}) for row in rows]
    decoder = formats.make("predictions", [("loan", {"amount": "number", "age": "number", "job": "category"})], "loan")

    translator = disguise.translator()

    def take(raw: bytes) -> None:
        translator.restore([])  # what waits for its other half from the input before

        given = [headed((b"a", raw, 1, T0), list(headers[len(raw) % len(headers)].items())), (b"t", None, 2, T0)]
        opened = translator.open(given)
        found = decoder.decode(opened.rows)
        counted(opened.rows, found)
        told = {*opened.origin, *opened.waits, *(refused.row for refused in opened.refusals(found.refused))}

        assert told == {0, 1}, "a record is lost without a word"

    return Target(tuple(row[1] or b"" for row in rows), take, 6)


def sampled() -> Target:
    """`init` on topics of every format in which some records are odd: a contract that passes its own check, or a reason with what to do."""
    events = traffic(24, seed=6)
    topics = [disguise.rows("predictions", events) for disguise in DISGUISES.values()]
    truths = Side("o", tuple((e.key, e.value, i, e.at_ms) for i, e in enumerate(e for e in events if e.role == "outcomes")), 0, "outcomes")

    def take(raw: bytes) -> None:
        step = (3, 12, 25, 40)[len(raw) % 4]
        rows = [row if i % step else _other(row, raw) for i, row in enumerate(topics[len(raw) % len(topics)])]
        with suppress(ConfigError):
            made = init.write(Side("t", tuple(rows), 0), truths, T0)
            assert contracts.parse(made.text, "init") == made.contract

    return Target(tuple(row[1] or b"" for rows in topics for row in rows[:20]), take, 1)


def _other(row: Row, value: bytes) -> Row:
    return headed((row[0], value, row[2], row[3]), list(getattr(row, "headers", {}).items()))


# hooks


def hook(name: str) -> Target:
    """Signed bytes are heard or refused; what is heard a stage reads again; a refusal tells no value; what is made up is no signature."""
    marked = BODIES[name].replace(b"ann@example.org", b"QUOKKA")
    reader = FlagReader()
    header = next(header for header in signed(name, b"") if header.endswith(("Signature", "Signature-256", "Authorization")))

    def take(raw: bytes) -> None:
        found = hooks.read(name, raw, signed(name, raw), SECRET, hooks.Places(), T0)
        if isinstance(found, hooks.Refused):
            assert found.status == hooks.UNREAD
            assert found.fix
            assert "QUOKKA" not in found.reason
        else:
            assert bool(found.changes) != bool(found.passed), "neither a change nor a reason"
            for change in found.changes:
                key = f"{change.environment}/{change.key}".encode()
                assert reader.read(key, msgspec.json.encode(change), 1, T0) == [change], "a stage would read it otherwise"
        made_up = hooks.read(name, marked, {header: raw.decode("latin-1")}, SECRET, hooks.Places(), T0)
        assert isinstance(made_up, hooks.Refused), "a signature was made up"

    return Target((marked, *(body for body in BODIES.values() if body is not BODIES[name])), take, 3)


# contracts and what people say


def contract_file() -> Target:
    def take(raw: bytes) -> None:
        try:
            contracts.parse(raw.decode("utf-8", "replace"), "fuzz")
        except ContractError as error:
            assert error.problems  # noqa: PT017 (it may be raised, and need not)

    return Target((FULL.encode(), SMALL.encode(), LOAN.encode()), take, 1)


def control(name: str, *seeds: bytes) -> Target:
    """A record of a control topic: taken or refused with a log line, never the end of a stage."""
    job = of_settings(SETTINGS, [], None)
    roster = Roster(SETTINGS.topic, SETTINGS.window, [])
    controls = Controls(job, roster)

    def take(raw: bytes) -> None:
        controls.take(SETTINGS.topic(name), raw[:40], raw, 1, T0)
        roster.registry.versions.clear()

    return Target(seeds, take, 3)


def applied() -> Target:
    """A record of `contracts` that was taken carries traffic: what is wrong with it is found before it is in force."""
    events = traffic(30, seed=8)

    def take(raw: bytes) -> None:
        drive = Drive([], Clockwork())
        if drive.registry.record(b"prod/loan", raw) and not drive.registry.refused:
            try:
                drive.feed(events).end(events[-1].at_ms + 60_000)
            except ContractError as error:
                assert "prod/" in str(error)  # noqa: PT017 (it may be raised, and need not)

    return Target((msgspec.json.encode(loan_applied()),), take, 1)


# what we wrote ourselves


@cache
def written() -> ManyLives:
    """Both stages after 600 events."""
    drive = ManyLives([loan_applied()], Clockwork())
    for at, event in enumerate(traffic(600, seed=7)):
        drive.feed([event])
        if at % 200 == 0:
            drive.end(event.at_ms)
    return drive


def chunk() -> Target:
    seeds = tuple(written().chunks[0].values()) + tuple(written().judge_chunks.values())

    def take(raw: bytes) -> None:
        for read in (lambda: unpack(raw, "ingest.meta", 1), lambda: join({raw[:20]: raw}), lambda: Head.decode(raw)):
            try:
                read()
            except StateRefused as error:
                assert str(error)  # noqa: PT017

    return Target((*seeds[:20], Head("w 1", {"p": 3}).encode()), take, 6)


def restore() -> Target:
    """A stage begins from chunks one of which has another body and a right checksum: it restores or refuses by name."""
    chunks = dict(written().chunks[0])
    worker = Worker.__new__(Worker)  # without its app, which needs a Kafka
    worker.job = of_settings(SETTINGS, [], SETTINGS.feeds([])[0])
    worker.roster = Roster(SETTINGS.topic, SETTINGS.window, [loan_applied()])
    worker.controls = Controls(worker.job, worker.roster)
    worker.partitions = {"observations": 2}
    names = sorted(chunks)

    def take(raw: bytes) -> None:
        name, body = names[len(raw) % len(names)], raw[16:]
        try:
            worker.begin(0, 1, chunks | {name: (1).to_bytes(4, "little") + MAGIC + xxhash.xxh3_64_digest(body) + body})
        except StateRefused as error:
            assert "task 0" in str(error)  # noqa: PT017

    return Target(tuple(chunks.values()), take, 1)


def observation() -> Target:
    """A record of `observations`: judged, or counted as foreign; of another version it is refused by name."""
    settings, registry, flags = written().judge.settings, written().registry, written().flags
    seeds = tuple(record.value or b"" for record in written().sent if record.topic == "observations")

    def take(raw: bytes) -> None:
        judge = Judge(0, 1, registry, flags, settings, {})
        try:
            judge.take("observations", [(b"k", raw, 1, T0)], T0)
        except StateRefused as error:
            assert "version" in str(error)  # noqa: PT017

    return Target(seeds[:40], take, 2)


def alert() -> Target:
    seeds = tuple(record.value for record in written().written if record.value)

    def take(raw: bytes) -> None:
        decoded(raw)
        json.dumps(shown.value(raw), allow_nan=False)

    return Target((*seeds[:20], b'{"labels":{"model":"m"},"annotations":{}}'), take, 6)


TARGETS: dict[str, Callable[[], Target]] = {
    **{role: (lambda role=role: native(role)) for role in NATIVE},  # type: ignore[misc]  # bound now
    **{name: (lambda name=name: foreign(name)) for name in DISGUISES},  # type: ignore[misc]
    **{f"hook-{name}": (lambda name=name: hook(name)) for name in BODIES},  # type: ignore[misc]
    "init": sampled,
    "contract": contract_file,
    "contracts": lambda: control("contracts", msgspec.json.encode(loan_applied())),
    "applied": applied,
    "commands": lambda: control("commands", msgspec.json.encode(Command("silence", "prod/loan", "ann", "", T0, T0))),
    "flag records": lambda: control("flags", msgspec.json.encode(FlagChange("loan-on", "off", changed_at_ms=T0, actor="ann"))),
    "chunk": chunk,
    "restore": restore,
    "observation": observation,
    "alert": alert,
}
