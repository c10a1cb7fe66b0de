import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.traffic import LOAN, T0, loan_applied, traffic

from anchorwatch.events import Block, Counts, Observation, Record, Sample
from anchorwatch.runtime import formats
from anchorwatch.runtime.drive import TOPICS
from anchorwatch.stages import observe
from anchorwatch.stages.ingest import Ingest, IngestSettings
from anchorwatch.stages.observe import partition_of
from anchorwatch.stages.registry import Registry
from anchorwatch.watches.base import Ints

DECODER = msgspec.msgpack.Decoder(Observation)


def ingest(partitions: int = 4) -> Ingest:
    registry = Registry(1_000)
    registry.apply(loan_applied())
    settings = IngestSettings("default", TOPICS, "observations", partitions, "dead-letters", window_ms=1_000, lateness_ms=500, wall=False)
    return Ingest(0, 1, registry, formats.native(), settings, {})


def fed(stage: Ingest, seconds: int = 3, seed: int = 1) -> list[Record]:
    events = traffic(500 * (seconds + 1), seed=seed)
    for role in TOPICS:
        rows = [(e.key, e.value, i, e.at_ms) for i, e in enumerate(events) if e.role == role and e.at_ms < T0 + 1_000 * seconds + 700]
        stage.take(role, rows, T0)
    stage.tick(T0, frozenset())
    return stage.freeze({"predictions": (0, 7)}).records


def observations(records: list[Record], partition: int | None = None) -> list[Observation]:
    chosen = [r for r in records if r.topic == "observations" and partition in (None, r.partition)]
    return [DECODER.decode(r.value or b"") for r in chosen]


def test_each_partition_hears_of_each_close_even_if_nothing_is_there_for_it() -> None:
    records = fed(ingest())

    assert {r.partition for r in records} == {0, 1, 2, 3}
    assert {o.watermark_ms for p in range(4) for o in observations(records, p)[-1:]} == {T0 + 3_000 // 1_000 * 1_000}


def test_all_evidence_of_a_model_lies_in_one_partition() -> None:
    records = fed(ingest())
    mine = partition_of("prod/loan", 4)

    assert {r.partition for r in records if any(o.blocks for o in observations([r]))} == {mine}


def test_a_record_carries_its_own_windows_end_as_watermark() -> None:
    """Judge must not close a window whose record is still to come."""
    found = observations(fed(ingest()), partition_of("prod/loan", 4))

    assert [(o.window[0] - T0, o.watermark_ms - T0) for o in found] == [(0, 1_000), (1_000, 2_000), (2_000, 3_000)]


def test_spans_stand_in_the_last_record_of_each_partition_alone() -> None:
    records = fed(ingest())

    for p in range(4):
        spans = [o.spans for o in observations(records, p)]
        assert spans[-1] == {"predictions": (0, 7)}
        assert all(not span for span in spans[:-1])


@settings(max_examples=5, deadline=None)
@given(st.integers(1_000, 10_000))
def test_a_large_record_is_cut_into_parts_whose_counts_add_up(most: int) -> None:
    whole, cut = ingest(1), ingest(1)
    before = observe.RECORD_BYTES_MAX
    once = observations(fed(whole))
    try:
        observe.RECORD_BYTES_MAX = most
        parts = observations(fed(cut))
    finally:
        observe.RECORD_BYTES_MAX = before

    assert len(parts) > len(once)
    assert added(parts, cut) == added(once, whole)
    for window in {o.window for o in parts}:
        mine = [o for o in parts if o.window == window]
        assert [o.part for o in mine] == [(i, len(mine)) for i in range(len(mine))]
        assert [o.watermark_ms for o in mine] == [window[0]] * (len(mine) - 1) + [window[1]]


def test_of_a_block_that_is_cut_one_piece_carries_its_sample_and_its_bytes_are_counted() -> None:
    many = Counts.pack(np.ones((1, 60_000), np.int64))
    sample = Sample("cells", bytes(8 * 1_024), bytes(60 * 1_024))
    block = Block("prod", "m", "c", "", ["whole"], {"a": many, "b": many}, sample=sample)
    plain = Block("prod", "m", "c", "", ["whole"], {}, sample=sample)
    observation = Observation(1, "default", 0, 1, (0, 1_000), 1_000, {}, (0, 1), [block, *[plain] * 30])
    parts = list(observe._parts(observation))
    pieces = [each for part in parts for each in part.blocks]

    assert [each.sample is not None for each in pieces if each.counts] == [True, False]
    assert len(pieces) == 32
    assert max(len(msgspec.msgpack.encode(part)) for part in parts) < observe.RECORD_BYTES_MAX


def added(found: list[Observation], stage: Ingest) -> tuple[list[int], int, int, dict[str, int]]:
    """Counts of all blocks in one flat array; what must not be counted twice."""
    layout = stage.registry.versions["prod/loan"][0].layout
    flat: Ints = np.zeros(layout.size, np.int64)
    looked, exemplars, tallies = 0, 0, dict[str, int]()
    for observation in found:
        for block in observation.blocks:
            rows = np.array([layout.rows[name] for name in block.segments])
            for key, counts in block.counts.items():
                counts.add_to(layout.view(flat, key), rows)
            looked, exemplars = looked + block.looked_at, exemplars + len(block.exemplars)
        for name, n in observation.tallies.get("prod/loan", {}).items():
            tallies[name] = tallies.get(name, 0) + n
    return flat.tolist(), looked, exemplars, tallies


def test_the_loan_contract_has_segments() -> None:
    """Else the sums above say little."""
    assert "by: [region, tier]" in LOAN
