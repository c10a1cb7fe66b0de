"""Exact counts through two stages on the real engine, for tests: join predictions with outcomes, then add up per segment.

    python worker.py '{"stage": "join", "prefix": "t.", "instance": "a", "kafka": {...}}'

A record's value is a number; a prediction and its outcome have the same one. Anything else goes to dead letters.
Each second line on standard output is the status as JSON. `die`: step:cut:SIGNAL breaks off there; `flaw`: what its agent does wrong.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from anchorwatch.engine.app import App
from anchorwatch.engine.control import Control
from anchorwatch.engine.task import Batch, Stage
from anchorwatch.errors import OperatorError
from anchorwatch.events import Record, Row
from anchorwatch.stages.report import Frozen, Report

PARTITIONS, SEGMENTS, CHUNKS = 4, 5, 16
Traceparents = Sequence[bytes | None] | None


class Plain:
    """Nothing is due, and time means nothing."""

    slow = False  # has been, in this process

    def __init__(self, prefix: str, chunks: Mapping[bytes, bytes]) -> None:
        self.prefix = prefix
        self.report = Report()

    def tick(self, now_ms: int, ended: frozenset[str]) -> None: ...

    def due(self) -> bool:
        return False


class Join(Plain):
    """Counts predictions and joined outcomes per segment; what has no partner yet waits in sixteen chunks."""

    def __init__(self, prefix: str, chunks: Mapping[bytes, bytes]) -> None:
        super().__init__(prefix, chunks)
        self.waiting: dict[bytes, dict[str, str]] = {name: json.loads(chunk) for name, chunk in chunks.items()}
        self.changed: set[bytes] = set()
        self.blocks: dict[int, list[int]] = {}
        self.dead: list[Record] = []

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Traceparents) -> None:
        kind = topic.removeprefix(self.prefix)[0]
        for key, value, _, _ in rows:
            if not value or not value.isdigit():
                self.dead.append(Record(f"{self.prefix}dead-letters", -1, key, value))
                continue
            number, text = int(value), value.decode()
            block = self.blocks.setdefault(number % SEGMENTS, [0, 0])
            block[0] += kind == "p"
            name = b"waiting-%d" % (number % CHUNKS)
            waiting = self.waiting.setdefault(name, {})
            if waiting.get(text, kind) == kind:
                waiting[text] = kind
            else:  # its partner is here, whichever came first
                del waiting[text]
                block[1] += 1
            self.changed.add(name)

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        chunks: dict[bytes, bytes | None] = {name: json.dumps(self.waiting[name]).encode() for name in self.changed}
        blocks = [
            Record(f"{self.prefix}blocks", segment % PARTITIONS, b"%d" % segment, json.dumps(counts).encode())
            for segment, counts in self.blocks.items()
        ]
        dead, self.blocks, self.dead, self.changed = self.dead, {}, [], set()
        report = Report()
        report.count("anchorwatch.dead_letters", len(dead), kind="malformed")
        return Frozen(chunks, blocks + dead, report)


class Total(Plain):
    """Totals per segment, one chunk each."""

    def __init__(self, prefix: str, chunks: Mapping[bytes, bytes]) -> None:
        super().__init__(prefix, chunks)
        self.totals: dict[bytes, list[int]] = {name: json.loads(chunk) for name, chunk in chunks.items()}
        self.touched: set[bytes] = set()

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Traceparents) -> None:
        for key, value, _, _ in rows:
            assert key is not None
            assert value is not None
            self.totals[key] = [a + b for a, b in zip(self.totals.get(key, [0, 0]), json.loads(value), strict=True)]
            self.touched.add(key)

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        chunks: dict[bytes, bytes | None] = {key: json.dumps(self.totals[key]).encode() for key in self.touched}
        self.touched = set()
        return Frozen(chunks, [], Report())


class Echo(Plain):
    """Writes what it was given: one record a row, one a cut with its spans, one each time a topic has been taken to its end."""

    said = 0
    known = 0  # records of control topics that all tasks of this process were told

    def __init__(self, prefix: str, chunks: Mapping[bytes, bytes]) -> None:
        super().__init__(prefix, chunks)
        self.out: list[Record] = []
        self.ended: frozenset[str] = frozenset()
        self.say(b"begin", known=Echo.known, chunks=len(chunks))

    def say(self, key: bytes | None, headers: tuple[tuple[str, bytes], ...] = (), **what: Any) -> None:
        Echo.said += 1
        self.out.append(Record(f"{self.prefix}echo", -1, key, json.dumps({"n": Echo.said, **what}).encode(), headers))

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Traceparents) -> None:
        for i, (key, value, offset, time_ms) in enumerate(rows):
            trace = traceparents[i] if traceparents else None
            self.say(
                key,
                (("traceparent", trace),) if trace else (),
                offset=offset,
                size=len(value or b""),
                waited_ms=polled_ms - time_ms,
                topic=topic,
            )

    def tick(self, now_ms: int, ended: frozenset[str]) -> None:
        for topic in ended - self.ended:
            self.say(b"ended", topic=topic)
        self.ended = ended

    def due(self) -> bool:
        return bool(self.out)

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        self.say(b"cut", spans=spans)
        out, self.out = self.out, []
        return Frozen({b"seen": b"x"}, out, Report())


STAGES: dict[str, tuple[tuple[str, ...], type[Join | Total | Echo]]] = {
    "join": (("predictions", "outcomes"), Join),
    "total": (("blocks",), Total),
    "echo": (("predictions", "outcomes"), Echo),
}


def die_at(step: str, cut: int, name: str) -> Callable[[str], None]:
    """Steps of a cut: frozen, sent, offsets sent, committed; `committing` falls somewhere inside the commit call."""
    cuts = 0

    def send() -> None:
        os.kill(os.getpid(), getattr(signal, f"SIG{name}"))

    def probe(now: str) -> None:
        nonlocal cuts
        cuts += now == "frozen"
        if cuts == cut and now == step:
            threading.Event().wait(0.2 if step in ("sent", "offsets sent") else 0)  # so that the records are in the log, not in our memory
            send()
        if cuts == cut and now == "offsets sent" and step == "committing":
            threading.Timer((time.time_ns() % 30) / 1000, send).start()

    return probe


async def spoil(flaw: str, batch: Batch) -> None:
    """In the middle of a batch: half of it has changed the stage. `slow` only awaits, once."""
    if flaw == "slow":
        if not Plain.slow:
            Plain.slow = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 3)
            sys.stderr.write("slow once\n")
        return
    batch.task.stage.take(batch.topic, batch.rows[: len(batch.rows) // 2 + 1], batch.polled_ms, batch.traceparents)
    if flaw == "raise":
        raise ValueError("the agent's own")
    if flaw == "hang":
        await asyncio.Event().wait()
    while flaw == "spin":
        pass


def main() -> None:
    logging.basicConfig(level=os.environ.get("LOG", "INFO"), format="%(asctime)s %(name)s %(levelname)s %(message)s")
    given: dict[str, Any] = json.loads(sys.argv[1])
    prefix, flaw = given["prefix"], given.get("flaw", "")
    sources, kind = STAGES[given["stage"]]

    def begin(task: int, tasks: int, chunks: dict[bytes, bytes]) -> Stage:
        return kind(prefix, chunks)

    def on_record(topic: str, key: bytes | None, value: bytes | None, offset: int, time_ms: int) -> None:
        Echo.known += 1

    control = Control(given["kafka"], [prefix + topic for topic in given["control"]], on_record) if "control" in given else None
    app = App(
        given.get("group", f"{prefix}{given['stage']}"),
        given["kafka"],
        given["instance"],
        [prefix + topic for topic in sources],
        begin,
        cut_seconds=given.get("cut", 0.3),
        group_settings=given.get("group_settings"),
        control=control,
        probe=die_at(*parse(given["die"])) if given.get("die") else lambda step: None,
    )

    @app.agent(app.batches)
    async def agent(batches: AsyncIterator[Batch]) -> None:
        async for batch in batches:
            if flaw and app.cutter.cuts >= 2:
                if flaw == "return":
                    return
                await spoil(flaw, batch)
            batch.take()

    @app.timer(0.2)  # type: ignore[untyped-decorator]
    async def report() -> None:
        print(json.dumps(app.status()), flush=True)

    app.run()


def parse(die: str) -> tuple[str, int, str]:
    step, cut, name = die.split(":")
    return step, int(cut), name


if __name__ == "__main__":
    try:
        main()
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
