"""What a cut writes and how it is swept; whole lives are in test_restore.py."""

import pytest
from tests.stages.test_ingest import beat, stage, take
from tests.traffic import T0, Fault, traffic

from anchorwatch.runtime import formats
from anchorwatch.stages import ingest_state, table
from anchorwatch.stages.ingest import Ingest
from anchorwatch.state import unpack


def cut(ingest: Ingest, chunks: dict[bytes, bytes]) -> set[str]:
    """Names written by one cut; removed ones wear a minus."""
    names = set()
    for key, chunk in ingest.freeze({}).chunks.items():
        names.add(("-" if chunk is None else "") + key.decode())
        if chunk is None:
            chunks.pop(key, None)
        else:
            chunks[key] = chunk
    return names


def test_a_cut_costs_what_changed() -> None:
    ingest, chunks = stage(), dict[bytes, bytes]()
    take(ingest, traffic(50))
    first = cut(ingest, chunks)
    second = cut(ingest, chunks)

    assert first == {"delta:1#0", "open#0", "meta#0"}
    assert second == {"open#0", "meta#0"}


def test_deltas_that_every_page_has_overtaken_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_state, "DELTAS_MIN", 4)
    monkeypatch.setattr(ingest_state, "SWEEP", 2)
    ingest, chunks = stage(), dict[bytes, bytes]()
    names = []
    for i in range(20):
        take(ingest, traffic(20, start_ms=T0 + i * 50, seed=i))
        names.append(cut(ingest, chunks))

    assert any("page:prod/loan:0#0" in each for each in names)
    assert any(name.startswith("-delta:") for each in names for name in each)
    assert len(chunks) <= 4 + 2 + 3


def test_pages_that_left_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (table, ingest_state):
        monkeypatch.setattr(module, "PAGE", 64)
    monkeypatch.setattr(ingest_state, "DELTAS_MIN", 1)
    monkeypatch.setattr(ingest_state, "SWEEP", 1)
    ingest, chunks = stage(), dict[bytes, bytes]()
    for i in range(6):
        take(ingest, traffic(64, start_ms=T0 + i, seed=i))
        cut(ingest, chunks)
    pages = {key for key in chunks if key.startswith(b"page:")}

    beat(ingest, T0 + 120_000)
    ingest.tick(T0, frozenset())
    cut(ingest, chunks)

    assert len(pages) >= 5
    assert not pages & chunks.keys()


def test_traces_of_kept_predictions_survive_with_their_rows() -> None:
    ingest, chunks = stage(), dict[bytes, bytes]()
    take(ingest, traffic(300, fault=Fault(traced=0.5, labelled=0)))
    cut(ingest, chunks)

    twin = Ingest(0, 1, ingest.registry, formats.native(), ingest.settings, chunks)

    assert len(twin.models["prod/loan"].waiting.traces) > 100
    assert twin.models["prod/loan"].waiting.traces == ingest.models["prod/loan"].waiting.traces


def test_the_clock_the_spans_and_the_tallies_survive() -> None:
    ingest, chunks = stage(), dict[bytes, bytes]()
    take(ingest, traffic(300))
    ingest.tick(T0, frozenset())
    chunks.update({key: chunk for key, chunk in ingest.freeze({"predictions": (5, 305)}).chunks.items() if chunk is not None})

    twin = Ingest(0, 1, ingest.registry, formats.native(), ingest.settings, chunks)

    names = ("seen", "watermark", "closed_ms", "spans", "tallies")
    assert {name: getattr(twin, name) for name in names} == {name: getattr(ingest, name) for name in names}


def test_a_layout_of_a_contract_that_left_is_kept_as_long_as_its_rows() -> None:
    ingest, chunks = stage(), dict[bytes, bytes]()
    take(ingest, traffic(50))
    cut(ingest, chunks)

    meta = unpack(chunks[b"meta#0"][4:], "ingest.meta", ingest_state.VERSION).header

    assert [each["contract"]["model"] for each in meta["models"]["prod/loan"]["layouts"]] == ["loan"]
