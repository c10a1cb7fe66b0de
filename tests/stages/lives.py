"""A drive whose stages die and come back from what they wrote, as often as one likes."""

import random
from collections.abc import Iterable, Sequence

from anchorwatch.events import Applied, Record, Row
from anchorwatch.runtime import formats
from anchorwatch.runtime.drive import Clockwork, Drive, Event
from anchorwatch.stages.ingest import Ingest
from anchorwatch.stages.judge import Judge
from anchorwatch.stages.report import Frozen


class ManyLives(Drive):
    """Freezes after every batch; `reborn` makes all stages anew from the chunks of their cuts, as after a kill."""

    def __init__(self, applied: Iterable[Applied], clockwork: Clockwork) -> None:
        super().__init__(applied, clockwork)
        self.chunks: list[dict[bytes, bytes]] = [{} for _ in self.ingests]
        self.judge_chunks: dict[bytes, bytes] = {}
        self.written: list[Record] = []  # by judge
        self.sent: list[Record] = []  # by ingest

    def _hand_over(self) -> None:
        rows: list[Row] = [(r.key, r.value, i, 0) for topic in self.siblings for i, r in enumerate(topic.freeze({}).records)]
        for chunks, ingest in zip(self.chunks, self.ingests, strict=True):
            for record in _kept(chunks, ingest.freeze({})):
                self.sent.append(record)
                if record.topic == "observations":
                    rows.append((record.key, record.value, len(rows), 0))
        if rows:
            self.judge.take("observations", rows, 0)
        self.judge.tick(0, frozenset())
        frozen = self.judge.freeze({})
        self.written += _kept(self.judge_chunks, frozen)
        self.heard.findings += frozen.report.findings
        self.heard.alerts += frozen.report.alerts
        self.heard.summaries += frozen.report.summaries

    def reborn(self) -> None:
        settings, judge = self.ingests[0].settings, self.judge.settings
        self.ingests = [
            Ingest(task, len(self.ingests), self.registry, formats.native(), settings, dict(chunks))
            for task, chunks in enumerate(self.chunks)
        ]
        self.judge = Judge(0, 1, self.registry, self.flags, judge, dict(self.judge_chunks), outside=self._outside)


def _kept(chunks: dict[bytes, bytes], frozen: Frozen) -> list[Record]:
    """What a compacted changelog does with a cut."""
    for key, chunk in frozen.chunks.items():
        if chunk is None:
            chunks.pop(key, None)
        else:
            chunks[key] = chunk
    return frozen.records


def batches(events: Sequence[Event], seed: int = 9) -> list[list[Event]]:
    """The same events in hands of 500 to 1,500."""
    rng, found, at = random.Random(seed), list[list[Event]](), 0
    while at < len(events):
        size = rng.randint(500, 1_500)
        found.append(list(events[at : at + size]))
        at += size
    return found


def run(
    applied: Applied, clockwork: Clockwork, arrival: Iterable[list[Event]], end_ms: int, deaths: frozenset[int] = frozenset()
) -> ManyLives:
    """deaths: numbers of batches after which everything dies."""
    drive = ManyLives([applied], clockwork)
    for i, batch in enumerate(arrival):
        drive.feed(batch)
        if i in deaths:
            drive.reborn()
    drive.end(end_ms)
    return drive
