"""What a task of the judge stage keeps over a restart: per model its evidence, alerts and recent numbers; per feed the windows not judged."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anchorwatch.events import Exemplar, FieldCount
from anchorwatch.stages.drawn import Drawn
from anchorwatch.stages.feed import FeedClock
from anchorwatch.stages.model_judge import ModelJudge
from anchorwatch.stages.pile import Pile
from anchorwatch.state import Chunk, join, pack, parts, unpack
from anchorwatch.watches.base import Ints
from anchorwatch.watches.layout import Layout

if TYPE_CHECKING:
    from anchorwatch.stages.judge import Judge

VERSION = 1
Chunks = dict[bytes, bytes | None]
Table = list[list[Any]]  # [count key, symbols]


class Book:
    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.kept: dict[str, Chunk] = {}  # models restored, not asked for yet: their contract may still come

    def freeze(self, judge: "Judge") -> Chunks:
        chunks: Chunks = {}
        for key in sorted(judge.touched):
            chunks.update(self._put(f"model:{key}", pack("judge.model", VERSION, *judge.models[key].snapshot())))
        judge.touched = set()
        header, arrays = _feeds(judge)
        chunks.update(self._put("feeds", pack("judge.feeds", VERSION, header, arrays)))
        return chunks

    def _put(self, name: str, raw: bytes) -> Chunks:
        found = parts(name, raw, self.sizes.get(name, 0))
        self.sizes[name] = sum(part is not None for part in found.values())
        return found

    def restore(self, judge: "Judge", chunks: Mapping[bytes, bytes]) -> None:
        """Raises StateCorrupt."""
        found = join(chunks)
        for key in chunks:
            name = key.decode().rpartition("#")[0]
            self.sizes[name] = self.sizes.get(name, 0) + 1
        for name, raw in found.items():
            if name.startswith("model:"):
                self.kept[name.partition(":")[2]] = unpack(raw, "judge.model", VERSION)
        if "feeds" in found:
            _restore_feeds(judge, unpack(found["feeds"], "judge.feeds", VERSION))

    def restore_model(self, model: ModelJudge) -> None:
        kept = self.kept.pop(model.layout.key, None)
        if kept is not None:
            model.restore(kept.header, kept.arrays)


def _feeds(judge: "Judge") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    arrays: dict[str, NDArray[Any]] = {}
    tables: dict[str, Table] = {}  # model -> its counts in the order in which its piles hold them
    feeds = {}
    for name, feed in judge.feeds.items():
        piles = []
        for number, (window, by_model) in enumerate(sorted(feed.piles.items())):
            for key, pile in by_model.items():
                at = np.flatnonzero(pile.flat)
                place = f"{name}|{number}|{key}"
                arrays[f"{place}/at"], arrays[f"{place}/value"] = at, pile.flat[at]
                for count, dense in pile.apart.items():
                    arrays[f"{place}/{count}/apart"] = dense
                if pile.drawn is not None:
                    arrays |= pile.drawn.arrays(place)
                piles.append([place, list(window), key, pile.layout.contract.id, pile.layout.reference_id, _header(pile)])
                tables.setdefault(_which(pile.layout), _table(pile.layout))
        tallies = [[list(window), table] for window, table in feed.tallies.items()]
        feeds[name] = {**feed.header(), "piles": piles, "tallies": tallies}
    header = {"feeds": feeds, "command_offset": judge.command_offset, "strangers": judge.strangers.snapshot(), "tables": tables}
    if judge.siblings.clocks:
        header["siblings"] = judge.siblings.snapshot()
    return header, arrays


def _which(layout: Layout) -> str:
    return f"{layout.key} {layout.contract.id} {layout.reference_id}"


def _table(layout: Layout) -> Table:
    """The counts of a pile in their order: another release may count more, or in another order."""
    return [[key, count.symbols] for key, count in layout.counts.items()]


def _put_back(pile: Pile, at: Ints, values: Ints, table: Table) -> None:
    """Counts by name, where this release still counts them; places of segments are the same for equal contracts and references."""
    layout, base = pile.layout, 0
    for key, symbols in table:
        mine = (at >= base) & (at < base + symbols * len(layout.segments))
        if key in layout.counts and layout.counts[key].symbols == symbols:
            layout.view(pile.flat, key).reshape(-1)[at[mine] - base] = values[mine]
        base += symbols * len(layout.segments)


def _header(pile: Pile) -> dict[str, Any]:
    return {
        "fields": {n: [c.present, c.types, c.sample] for n, c in pile.fields.items()}, "looked_at": pile.looked_at, "last_ms": pile.last_ms,
        "exemplars": [[e.segments, e.reason, e.value, e.traceparent, e.hash] for e in pile.exemplars], "versions": pile.versions,
        "reasons": pile.reasons, "strange": pile.strange, "fallen": pile.fallen,
    }  # fmt: skip


def _restore_feeds(judge: "Judge", chunk: Chunk) -> None:
    judge.command_offset = chunk.header["command_offset"]
    judge.strangers.restore(chunk.header["strangers"])
    judge.siblings.restore(chunk.header.get("siblings", {}))
    for name, kept in chunk.header["feeds"].items():
        feed = judge.feeds[name] = FeedClock(name)
        feed.tasks, feed.closed_ms, feed.read = kept["tasks"], kept["closed_ms"], dict(kept["read"])
        feed.offsets.restore(kept.get("offsets", {}))
        feed.watermarks = {int(task): watermark for task, watermark in kept["watermarks"].items()}
        feed.first_passed = [(watermark, when) for watermark, when in kept["first_passed"]]
        for window, table in kept["tallies"]:
            feed.tallies[window[0], window[1]] = table
            feed.piles.setdefault((window[0], window[1]), {})
        for place, window, key, contract, reference, header in kept["piles"]:
            version = judge.registry.at(key, window[0])
            if version is None or (version.contract.id, version.layout.reference_id) != (contract, reference):
                continue  # the contract changed while nobody ran: counts of another layout cannot be read
            pile = Pile(version.layout)
            table = chunk.header.get("tables", {}).get(_which(pile.layout)) or _table(pile.layout)
            _put_back(pile, chunk.arrays[f"{place}/at"], chunk.arrays[f"{place}/value"], table)
            names = {count: f"{place}/{count}/apart" for count in pile.layout.apart}
            pile.apart = {count: chunk.arrays[name].astype(np.int64) for count, name in names.items() if name in chunk.arrays}
            pile.drawn = Drawn.of_arrays(place, chunk.arrays, pile.layout.cells)
            _fill(pile, header)
            feed.piles.setdefault((window[0], window[1]), {})[key] = pile


def _fill(pile: Pile, header: Mapping[str, Any]) -> None:
    pile.fields = {n: FieldCount(p, dict(t), [(int(h), v) for h, v in s]) for n, (p, t, s) in header["fields"].items()}
    pile.exemplars = [Exemplar(list(s), r, v, t, h) for s, r, v, t, h in header["exemplars"]]
    pile.looked_at, pile.last_ms, pile.strange = header["looked_at"], header["last_ms"], header["strange"]
    pile.versions, pile.reasons, pile.fallen = dict(header["versions"]), dict(header["reasons"]), dict(header.get("fallen", {}))
