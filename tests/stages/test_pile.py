import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic import contract_of
from tests.watches.test_cells import layout as searching

from anchorwatch.events import Block, Counts, Exemplar, FieldCount
from anchorwatch.stages.drawn import drawn
from anchorwatch.stages.pile import Pile
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

LAYOUT = Layout(contract_of(), None, catalogue())
KEY = "inference.seconds"


def block(n: int, i: int = 0, segments: list[str] | None = None) -> Block:
    dense = np.zeros((2, LAYOUT.counts[KEY].symbols), np.int64)
    dense[0, 4] = n
    return Block(
        "prod", "loan", "c", "", segments or ["whole", "other"], {KEY: Counts.pack(dense)},
        {"age": FieldCount(n, {"number": n}, [(i, f"v{i}")])}, n, 100 + i, [Exemplar(["whole"], "slow", float(i), f"00-{i}", i)],
        {"v4": n}, {"default": n},
    )  # fmt: skip


def content(pile: Pile) -> tuple[list[int], bytes]:
    rest = [pile.fields, pile.looked_at, pile.last_ms, pile.exemplars, pile.versions, pile.reasons, pile.strange]
    return pile.flat.tolist(), msgspec.json.encode(rest)


@given(st.permutations(range(1, 7)))
def test_blocks_add_up_to_the_same_in_any_order(order: list[int]) -> None:
    pile, sorted_pile = Pile(LAYOUT), Pile(LAYOUT)
    for i in order:
        pile.add(block(i, i))
    for i in range(1, 7):
        sorted_pile.add(block(i, i))

    assert content(pile) == content(sorted_pile)
    assert (LAYOUT.view(pile.flat, KEY)[0, 4], pile.looked_at, pile.last_ms, pile.versions) == (21, 21, 106, {"v4": 21})


def test_a_segment_that_is_not_listed_here_is_left_out() -> None:
    pile = Pile(LAYOUT)

    pile.add(block(3, segments=["region=mars", "other"]))

    assert pile.flat.sum() == 0


def test_counts_of_another_definition_are_counted_as_strange() -> None:
    pile, strange = Pile(LAYOUT), block(3)
    strange.counts["inference.over_p99~00000000"] = strange.counts[KEY]

    pile.add(strange)

    assert (pile.strange, int(pile.flat.sum())) == (1, 3)


def test_samples_of_several_tasks_are_one_and_that_of_other_cells_is_strange() -> None:
    layout, rng = searching(), np.random.default_rng(1)
    cells = layout.cells
    assert cells is not None
    hashes, codes, wrong = rng.integers(1, 1 << 63, 3_000).astype(np.uint64), np.full((3_000, 3), 2, np.uint8), rng.random(3_000) < 0.1
    blocks = [block(1, i) for i in range(3)]
    for i, each in enumerate(blocks):
        each.sample = drawn(hashes[i::3], codes[i::3], wrong[i::3]).pack(cells.key)
    pile, other = Pile(layout), Pile(layout)
    for each in blocks:
        pile.add(each)
    for each in reversed(blocks):
        other.add(each)
    whole = drawn(hashes, codes, wrong)
    assert pile.drawn is not None
    assert other.drawn is not None

    assert pile.drawn.hashes.tolist() == other.drawn.hashes.tolist() == whole.hashes.tolist()
    assert pile.drawn.wrong.tolist() == other.drawn.wrong.tolist() == whole.wrong.tolist()
    before, blocks[0].sample = pile.strange, whole.pack("slices@late~another")
    pile.add(blocks[0])
    assert pile.strange == before + 1
