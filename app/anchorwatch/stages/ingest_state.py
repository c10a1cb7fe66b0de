"""What a task of the ingest stage keeps over a restart: which rows of its tables changed, its open windows, its clock.

Each cut writes the rows that it changed (`delta`); a sweep writes whole pages, oldest change first, and removes the deltas that every page has
overtaken. So a cut costs what changed, a restart reads every row about once, and the number of chunks is bounded.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anchorwatch.contract import to_json
from anchorwatch.stages.labels import Classes
from anchorwatch.stages.model_ingest import REACTIONS, ModelIngest
from anchorwatch.stages.table import CELLS, PAGE, Table
from anchorwatch.stages.windows import OpenWindow
from anchorwatch.state import join, pack, parts, unpack

if TYPE_CHECKING:
    from anchorwatch.stages.ingest import Ingest

VERSION = 1
DELTAS_MIN = 64  # cuts whose deltas are left alone; above, pages are written
SWEEP = 256  # cuts in which all pages that changed are written once

Chunks = dict[bytes, bytes | None]


class Book:
    def __init__(self) -> None:
        self.cut = 0
        self.deltas: dict[int, int] = {}  # cut -> parts of its chunk
        self.pages: dict[tuple[str, int], int] = {}  # (model, page) -> parts of its chunk
        self.dirty: dict[tuple[str, int], int] = {}  # (model, page) -> first cut whose delta it still needs
        self.sizes = {"meta": 0, "open": 0, "halves": 0}

    # out

    def freeze(self, ingest: "Ingest") -> Chunks:
        self.cut += 1
        chunks = self._delta(ingest)
        chunks.update(self._sweep(ingest))
        chunks.update(self._drop_old(ingest))
        chunks.update(self._put("open", pack("ingest.open", VERSION, *_open_windows(ingest))))
        halves = ingest.waiting_halves()
        if halves or self.sizes["halves"]:
            chunks.update(self._put("halves", pack("ingest.halves", VERSION, halves)))
        chunks.update(self._put("meta", pack("ingest.meta", VERSION, self._meta(ingest))))
        return chunks

    def _put(self, name: str, raw: bytes) -> Chunks:
        found = parts(name, raw, self.sizes[name])
        self.sizes[name] = sum(part is not None for part in found.values())
        return found

    def _delta(self, ingest: "Ingest") -> Chunks:
        header: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {}
        for key, table in _tables(ingest).items():
            rows = table.changed()
            if not len(rows):
                continue
            images = table.images(rows)
            arrays.update({f"{key}/{name}": column for name, column in images.items()})
            header[key] = {"traces": _traces(table, images["hash"])}
            pages = rows // PAGE  # ascending
            for page in pages[np.flatnonzero(np.diff(pages, prepend=-1))].tolist():
                self.dirty.setdefault((key, page), self.cut)
        if not header:
            return {}
        found = parts(f"delta:{self.cut}", pack("ingest.delta", VERSION, header, arrays))
        self.deltas[self.cut] = len(found)
        return found

    def _sweep(self, ingest: "Ingest") -> Chunks:
        if len(self.deltas) <= DELTAS_MIN:
            return {}
        chunks: Chunks = {}
        tables = _tables(ingest)
        due = sorted(self.dirty.items(), key=lambda item: item[1])[: max(1, -(-len(self.dirty) // SWEEP))]
        for (key, page), _ in due:
            del self.dirty[key, page]
            table = tables[key]
            if (page + 1) * PAGE <= table.first:
                continue
            images = table.page(page)
            header = {"traces": _traces(table, images["hash"])}
            raw = pack("ingest.page", VERSION, header, images)
            found = parts(f"page:{key}:{page}", raw, self.pages.get((key, page), 0))
            self.pages[key, page] = sum(part is not None for part in found.values())
            chunks.update(found)
        return chunks

    def _drop_old(self, ingest: "Ingest") -> Chunks:
        """Pages that left, and deltas that every page has overtaken."""
        chunks: Chunks = {}
        begins = {key: table.first for key, table in _tables(ingest).items()}
        for key, page in [k for k in self.dirty if (k[1] + 1) * PAGE <= begins[k[0]]]:
            del self.dirty[key, page]
        for key, page in [k for k in self.pages if (k[1] + 1) * PAGE <= begins[k[0]]]:
            chunks.update({f"page:{key}:{page}#{i}".encode(): None for i in range(self.pages.pop((key, page)))})
        needed = min(self.dirty.values(), default=self.cut + 1)
        for cut in [cut for cut in self.deltas if cut < needed]:
            chunks.update({f"delta:{cut}#{i}".encode(): None for i in range(self.deltas.pop(cut))})
        return chunks

    def _meta(self, ingest: "Ingest") -> dict[str, Any]:
        models = {}
        for key, model in ingest.models.items():
            models[key] = {
                "first": model.waiting.first, "n": model.waiting.n, "closed": model.closed, "last_ms": model.last_ms,
                "layouts": [_applied(ingest, layout) for layout in model.layouts], "classes": model.classes.names,
                "arms": {str(number): arm for number, arm in model.arm_of.items()},
            }  # fmt: skip
            for each in model.reactions.values():
                models[key][each.role] = {"first": each.table.first, "n": each.table.n, "words": each.words.names}
        return {
            "upstream": {topic: each.snapshot() for topic, each in ingest.upstream.items()},
            "cut": self.cut, "seen": ingest.seen, "watermark": ingest.watermark, "closed_ms": ingest.closed_ms,
            "spans": {topic: list(span) for topic, span in ingest.spans.items()}, "tallies": ingest.tallies, "models": models,
        }  # fmt: skip

    # in

    def restore(self, ingest: "Ingest", chunks: Mapping[bytes, bytes]) -> None:
        """Raises StateCorrupt."""
        found = join(chunks)
        if "meta" not in found:
            return
        counts: dict[str, int] = {}
        for key in chunks:
            name = key.decode().rpartition("#")[0]
            counts[name] = counts.get(name, 0) + 1
        meta = unpack(found["meta"], "ingest.meta", VERSION).header
        self.cut = meta["cut"]
        self.sizes = {name: counts.get(name, 0) for name in self.sizes}
        for topic, kept in meta.get("upstream", {}).items():
            if topic in ingest.upstream:
                ingest.upstream[topic].restore(kept)
        ingest.seen, ingest.watermark, ingest.closed_ms = dict(meta["seen"]), meta["watermark"], meta["closed_ms"]
        ingest.spans = {topic: (begin, end) for topic, (begin, end) in meta["spans"].items()}
        ingest.tallies = {key: dict(table) for key, table in meta["tallies"].items()}
        deltas = {int(n.partition(":")[2]): unpack(raw, "ingest.delta", VERSION) for n, raw in found.items() if n.startswith("delta:")}
        self.deltas = {cut: counts[f"delta:{cut}"] for cut in deltas}
        for key, kept in meta["models"].items():
            self._restore_model(ingest.model(key), ingest, key, kept, found, counts, deltas)
        _restore_open(ingest, found)
        if "halves" in found:
            ingest.halves = unpack(found["halves"], "ingest.halves", VERSION).header

    def _images(
        self, table: Table, key: str, first: int, found: Mapping[str, bytes], counts: Mapping[str, int], deltas: Mapping[int, Any]
    ) -> list[dict[str, NDArray[Any]]]:
        """Pages, then what changed since, in the order of their cuts."""
        images = []
        for name in [n for n in found if n.startswith(f"page:{key}:")]:
            page = unpack(found[name], "ingest.page", VERSION)
            images.append(page.arrays)
            table.traces.update(page.header["traces"])
            self.pages[key, int(name.rpartition(":")[2])] = counts[name]
        for cut in sorted(deltas):
            if key in deltas[cut].header:
                arrays = deltas[cut].arrays
                image = {name: arrays[f"{key}/{name}"] for name in ("row", *table.fields)}
                image |= {CELLS: arrays[f"{key}/{CELLS}"]} if f"{key}/{CELLS}" in arrays else {}
                images.append(image)
                table.traces.update(deltas[cut].header[key]["traces"])
                for number in np.unique(image["row"] // PAGE).tolist():
                    if (number + 1) * PAGE > first:
                        self.dirty.setdefault((key, number), cut)
        return images

    def _restore_model(
        self, model: ModelIngest, ingest: "Ingest", key: str, kept: Mapping[str, Any], found: Mapping[str, bytes],
        counts: Mapping[str, int], deltas: Mapping[int, Any],
    ) -> None:  # fmt: skip
        model.waiting.restore(kept["first"], kept["n"], self._images(model.waiting, key, kept["first"], found, counts, deltas))
        model.waiting.traces = _traces(model.waiting, model.waiting.column("hash"))
        for horizon, kind in REACTIONS.items():
            if reacted := kept.get(kind.role):  # none before one was asked for
                each = model.reactions[horizon] = kind(reacted["words"])
                images = self._images(each.table, f"{key}|{horizon}", reacted["first"], found, counts, deltas)
                each.table.restore(reacted["first"], reacted["n"], images)
        model.closed = dict(kept["closed"]) if "closed" in kept else {"late": kept["closed_to"]}
        model.last_ms = kept["last_ms"]
        model.layouts = [_layout(ingest, key, ids) for ids in kept["layouts"]]
        model.arm_of = {int(number): arm for number, arm in kept.get("arms", {}).items()}
        model.classes = Classes(kept.get("classes", model.layouts[-1].classes if model.layouts else ()))


def _tables(ingest: "Ingest") -> dict[str, Table]:
    found: dict[str, Table] = {}
    for key, model in ingest.models.items():
        found[key] = model.waiting
        found |= {f"{key}|{horizon}": each.table for horizon, each in model.reactions.items()}
    return found


def _traces(table: Table, hashes: NDArray[np.uint64]) -> dict[int, str]:
    return {h: table.traces[h] for h in hashes[table.traced(hashes)].tolist()}


def _applied(ingest: "Ingest", layout: Any) -> dict[str, Any]:
    """A layout by what it was made from: contracts that are not in force any more are needed until their rows have left."""
    for version in (v for found in ingest.registry.versions.values() for v in found):
        if version.layout is layout:
            return {"contract": version.applied.contract, "reference": layout.reference_id}
    return {"contract": to_json(layout.contract), "reference": layout.reference_id}


def _layout(ingest: "Ingest", key: str, kept: Mapping[str, Any]) -> Any:
    return ingest.registry.layout_of(key, kept["contract"], kept["reference"])


def _open_windows(ingest: "Ingest") -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    header: dict[str, Any] = {}
    arrays: dict[str, NDArray[Any]] = {}
    for key, model in ingest.models.items():
        for (number, layout), window in model.windows.items():
            name = f"{key}|{number}|{layout}"
            header[name], more = window.snapshot(name)
            arrays.update(more)
    return header, arrays


def _restore_open(ingest: "Ingest", found: Mapping[str, bytes]) -> None:
    chunk = unpack(found["open"], "ingest.open", VERSION)
    for name, header in chunk.header.items():
        key, number, layout = name.rsplit("|", 2)
        model = ingest.model(key)
        window = OpenWindow(model.layouts[int(layout)])
        window.restore(name, header, chunk.arrays)
        model.windows[int(number), int(layout)] = window
