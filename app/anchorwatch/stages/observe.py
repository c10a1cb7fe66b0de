"""Closed windows as records for `observations`: one per window and target partition, cut into parts where it would be too large."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
import xxhash

from anchorwatch.events import Block, Observation, Record

if TYPE_CHECKING:
    from anchorwatch.stages.ingest import Ingest

VERSION = 1
RECORD_BYTES_MAX = 900_000
ENCODER = msgspec.msgpack.Encoder()


def partition_of(key: str, partitions: int) -> int:
    """The partition of `observations` that holds all evidence of a model."""
    return xxhash.xxh3_64_intdigest(key.encode()) % partitions


def observations(ingest: "Ingest", boundary: int) -> list[Observation]:
    """Blocks of all windows that end by `boundary`, ascending; one record at least for each partition, since it carries the watermark.

    A record's watermark is its own window's end, the last one's the boundary: judge must not close a window whose record is still to come.
    """
    settings = ingest.settings
    window_ms, partitions = settings.window_ms, settings.observation_partitions
    found: dict[int, dict[int, list[Block]]] = {p: {} for p in range(partitions)}
    for key, model in sorted(ingest.models.items()):
        p = partition_of(key, partitions)
        for number, layout in sorted(n for n in model.windows if (n[0] + 1) * window_ms <= boundary):
            found[p].setdefault(number, []).append(model.windows.pop((number, layout)).block())
    made = []
    last = boundary // window_ms - 1
    for p, windows in found.items():
        tallies = {k: t for k, t in ingest.tallies.items() if partition_of(k, partitions) == p}
        for number in sorted(windows.keys() | {last}):
            end = (number + 1) * window_ms
            blocks = windows.get(number, [])
            mine = tallies if number == last else {}
            made.append(
                Observation(VERSION, settings.feed, ingest.task, ingest.tasks, (end - window_ms, end), end, {}, (p, 1), blocks, mine)
            )
    return made


def records_of(ingest: "Ingest") -> list[Record]:
    """The observations that are ready, as records. The offsets read since the last ones go with the last of each partition."""
    ready, ingest.ready = ingest.ready, []
    if not ready:
        return []
    newest: dict[int, Observation] = {o.part[0]: o for o in ready}
    for observation in newest.values():
        observation.spans = dict(ingest.spans)
    ingest.spans = {}
    records = []
    for observation in ready:
        p = observation.part[0]
        key = f"{observation.feed}/{observation.task}/{observation.window[0]}".encode()
        parts = list(_parts(observation))
        for i, part in enumerate(parts):
            part.part = (i, len(parts))
            if i < len(parts) - 1:
                part.watermark_ms = part.window[0]
            records.append(Record(ingest.settings.observations, p, key, ENCODER.encode(part)))
    return records


def _parts(observation: Observation) -> Iterable[Observation]:
    """Blocks merge by adding, so a large one is cut between its counts."""
    pieces: list[Block] = []
    for block in observation.blocks:
        pieces += _pieces(block)
    batch: list[Block] = []
    size = 0
    for piece in pieces:
        n = sum(len(c.at) + len(c.value) + 64 for c in piece.counts.values()) + 32 * len(piece.segments) + 4_096
        n += len(piece.sample.hashes) + len(piece.sample.rows) if piece.sample is not None else 0
        if batch and size + n > RECORD_BYTES_MAX:
            yield msgspec.structs.replace(observation, blocks=batch, spans={}, tallies={})
            batch, size = [], 0
        batch.append(piece)
        size += n
    yield msgspec.structs.replace(observation, blocks=batch)


def _pieces(block: Block) -> Iterable[Block]:
    whole = sum(len(c.at) + len(c.value) for c in block.counts.values())
    if whole < RECORD_BYTES_MAX // 2:
        yield block
        return
    counts: dict[str, object] = {}
    size, first = 0, True
    for key, count in block.counts.items():
        n = len(count.at) + len(count.value)
        if counts and size + n > RECORD_BYTES_MAX // 2:
            yield _piece(block, counts, first)
            counts, size, first = {}, 0, False
        counts[key] = count
        size += n
    yield _piece(block, counts, first)


def _piece(block: Block, counts: dict[str, object], first: bool) -> Block:
    if first:
        return msgspec.structs.replace(block, counts=counts)
    return msgspec.structs.replace(
        block, counts=counts, fields={}, looked_at=0, exemplars=[], versions={}, reasons={}, fallen={}, sample=None
    )
