import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic import LOAN, contract_of
from tests.watches.test_cells import layout as searching

from anchorwatch.events import Exemplar, Value
from anchorwatch.stages import windows
from anchorwatch.stages.drawn import drawn
from anchorwatch.stages.windows import Numbering, OpenWindow, Tally, chosen, kind_of, smallest
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

TEXT = LOAN.replace("by: [region, tier]", "by: [region, tier], always: [region=eu, tier=gold]")
LAYOUT = Layout(contract_of(TEXT), None, catalogue())
KEY = "inference.seconds"


@given(st.lists(st.dictionaries(st.integers(0, 5), st.integers(1, 9), min_size=1), max_size=40))
def test_a_tally_adds_like_a_table(additions: list[dict[int, int]]) -> None:
    tally, total = Tally(2), np.zeros((6, 2), np.int64)
    for addition in additions:
        counts = np.array([[n, 2 * n] for n in addition.values()], np.int64)
        tally.add(np.array(list(addition), np.int64), counts)
        total[list(addition)] += counts

    combos, counts = tally.merge()

    assert [list(row) for row in counts] == [list(total[combo]) for combo in combos]
    assert set(combos.tolist()) == {combo for addition in additions for combo in addition}
    assert len(tally.combos) == 1


@given(st.lists(st.tuples(st.sets(st.integers(0, 9), min_size=1), st.sampled_from(["both", "one"])), max_size=40))
def test_counts_that_share_a_numbering_add_up_each_by_itself(additions: list[tuple[set[int], str]]) -> None:
    """The second one misses some additions, so its combinations are others."""
    numbering = Numbering()
    tallies, totals = [Tally(1, numbering), Tally(1, numbering)], [np.zeros(10, np.int64), np.zeros(10, np.int64)]
    for n, (combos, which) in enumerate(additions):
        some = np.array(sorted(combos))
        for tally, total in list(zip(tallies, totals, strict=True))[: 2 if which == "both" else 1]:
            tally.add(some, np.full((len(some), 1), n))
            total[some] += n

    for tally, total in zip(tallies, totals, strict=True):
        found, counts = tally.merge()
        assert (np.diff(found) > 0).all()
        assert total[found].tolist() == counts[:, 0].tolist()
        assert counts.sum() == total.sum()


def test_additions_are_merged_before_they_are_many() -> None:
    tally = Tally(1)
    for i in range(100):
        tally.add(np.array([i % 3]), np.ones((1, 1), np.int64))

    assert len(tally.combos) <= windows.PARTS_MAX + 1


def test_a_block_counts_each_combination_in_all_its_segments() -> None:
    window = OpenWindow(LAYOUT)
    codes = LAYOUT.value_codes
    eu_gold = LAYOUT.combos([np.array([codes[0]["eu"]]), np.array([codes[1]["gold"]])], 1)
    neither = LAYOUT.combos([np.array([0]), np.array([0])], 1)
    counts = np.zeros((1, LAYOUT.counts[KEY].symbols), np.int64)
    counts[0, 3] = 1
    window.add(KEY, eu_gold, counts)
    window.add(KEY, neither, 2 * counts)

    block = window.block()

    total = np.zeros((len(LAYOUT.segments), LAYOUT.counts[KEY].symbols), np.int64)
    block.counts[KEY].add_to(total, np.arange(len(LAYOUT.segments)))
    assert dict(zip(LAYOUT.segments, total[:, 3].tolist(), strict=True)) == {"whole": 3, "other": 2, "region=eu": 1, "tier=gold": 1}


def test_names_and_types_of_fields_are_counted_and_values_of_known_ones_are_not_kept() -> None:
    window = OpenWindow(LAYOUT)
    known = dict(LAYOUT.features)
    window.look_at({"amount": 3, "colour": "red", "age": None, "box": {}}, known, frozenset(), 5)
    window.look_at({"amount": 4.5, "job": "a"}, known, frozenset(), 6)

    fields = window.block().fields

    assert {name: (count.present, count.types) for name, count in fields.items()} == {
        "amount": (2, {"number": 2}), "colour": (1, {"text": 1}), "age": (0, {"null": 1}), "box": (1, {"nested": 1}), "job": (1, {"text": 1}),
    }  # fmt: skip
    assert {name: count.sample for name, count in fields.items() if count.sample} == {"colour": [(5, "red")]}


def test_a_value_of_another_type_is_kept_as_an_example_but_not_of_a_private_field() -> None:
    window = OpenWindow(LAYOUT)
    window.look_at({"amount": "J/Y=", "age": "secret"}, dict(LAYOUT.features), frozenset({"age"}), 5)

    fields = window.block().fields

    assert (fields["amount"].sample, fields["age"].sample) == ([(5, "J/Y=")], [])


def test_field_names_beyond_the_bound_are_not_looked_at() -> None:
    window = OpenWindow(LAYOUT)
    window.look_at({f"f{i}": 1 for i in range(windows.FIELDS_MAX + 10)}, {}, frozenset(), 1)

    assert len(window.fields) == windows.FIELDS_MAX


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 3)), max_size=300), st.integers(0, 300))
def test_samples_merge_to_the_same_whatever_the_cut(pairs: list[tuple[int, int]], cut: int) -> None:
    every: list[tuple[int, Value]] = list(pairs)

    assert smallest([*smallest(every[:cut]), *smallest(every[cut:])]) == smallest(every)


@given(
    st.permutations([Exemplar(["whole"], reason, value, "t", h) for h, (reason, value) in enumerate([("slow", 1.0), ("wrong", 1.0)] * 8)])
)
def test_the_most_telling_exemplars_are_chosen_whatever_the_order(exemplars: list[Exemplar]) -> None:
    found = chosen(exemplars)

    assert [e.reason for e in found] == ["wrong", "wrong", "slow", "slow"]
    assert found == chosen([*chosen(exemplars[:5]), *chosen(exemplars[5:])])


def test_kinds_of_values_are_those_of_json() -> None:
    values: list[Value | list[int] | dict[str, int]] = [None, True, 1, 1.5, "a", [], {}]

    assert [kind_of(value) for value in values] == ["null", "bool", "number", "number", "text", "nested", "nested"]


def test_a_restored_window_gives_the_same_block() -> None:
    window, twin = OpenWindow(LAYOUT), OpenWindow(LAYOUT)
    window.add(KEY, np.array([0, 3]), np.eye(2, LAYOUT.counts[KEY].symbols, dtype=np.int64))
    window.look_at({"colour": "red"}, {}, frozenset(), 9)
    window.versions, window.reasons, window.last_ms = {"4": 2}, {"default": 1}, 77
    window.tell({0: ["whole"]}, np.array([0]), "slow", [(0, 1.5, "00-t", 3)])

    twin.restore("w", *window.snapshot("w"))

    assert twin.block() == window.block()


def test_a_block_carries_those_that_stand_for_all_and_a_restored_window_too() -> None:
    layout = searching()
    window, twin = OpenWindow(layout), OpenWindow(layout)
    for first in (0, 900):
        hashes = np.arange(first + 1, first + 901, dtype=np.uint64)
        window.draw(drawn(hashes, np.full((900, 3), 2, np.uint8), hashes % 10 == 0))
    twin.restore("w", *window.snapshot("w"))
    sample = window.block().sample
    assert sample is not None

    assert np.frombuffer(sample.hashes, "<u8").tolist() == list(range(1, 1_025))
    assert twin.block() == window.block()
    assert OpenWindow(layout).block().sample is None
