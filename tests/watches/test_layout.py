import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic import LOAN, contract_of, loan_reference

from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout, decode, encode, segment_name

PAIRS = LOAN.replace("by: [region, tier]", 'by: [region, [region, tier]], always: [region=eu, "region=eu,tier=gold", region=us]')


def layout(text: str = PAIRS) -> Layout:
    return Layout(contract_of(text), None, catalogue())


@given(st.text(max_size=20))
def test_a_value_survives_its_name(value: str) -> None:
    name = segment_name(("region",), (value,))

    assert decode(name.split("=", 1)[1]) == value
    assert not set(encode(value)) & {",", "="}


@given(st.lists(st.text(max_size=5), min_size=2, max_size=2, unique=True))
def test_look_alikes_have_names_of_their_own(values: list[str]) -> None:
    assert encode(values[0]) != encode(values[1])


def test_segments_overlap_and_other_is_whatever_is_not_listed_alone() -> None:
    of = layout()
    records = [("eu", "gold"), ("eu", "free"), ("us", "gold"), ("mars", "gold")]
    codes = [np.array([of.value_codes[0].get(r, 0) for r, _ in records]), np.array([of.value_codes[1].get(t, 0) for _, t in records])]

    combos = of.combos(codes, 4)

    rows = [{of.segments[int(r[i])] for r in of.segments_of(combos) if r[i] >= 0} for i in range(4)]
    assert rows == [
        {"whole", "region=eu", "region=eu,tier=gold"}, {"whole", "region=eu"}, {"whole", "region=us"}, {"whole", "other"},
    ]  # fmt: skip


def test_expanded_counts_are_those_of_a_loop() -> None:
    of, rng = layout(), np.random.default_rng(2)
    codes = [rng.integers(0, len(c) + 1, 200) for c in of.value_codes]
    combos = of.combos(codes, 200)
    unique, counts = np.unique(combos, return_counts=True)

    total = of.expand(of.segments_of(unique), np.stack([counts, 2 * counts], axis=1))

    whole = [int(sum((row == i).sum() for row in of.segments_of(combos))) for i in range(len(of.segments))]
    assert total.tolist() == [[n, 2 * n] for n in whole]


def test_without_segments_all_is_the_whole_and_nothing_is_other() -> None:
    of = layout(LOAN.replace("by: [region, tier]", "by: []"))

    assert of.segments == ("whole", "other")
    assert of.expand(of.segments_of(np.zeros(1, np.int64)), np.array([[7]])).tolist() == [[7], [0]]


def test_other_is_what_is_not_listed_though_others_of_its_dimension_are() -> None:
    """Of `tier` nothing is listed: were its values `other`, then every event were."""
    of = layout(LOAN.replace("by: [region, tier]", "by: [region, tier], always: [region=eu]"))
    regions = np.array([of.value_codes[0].get(name, 0) for name in ("eu", "us")])

    rows = of.segments_of(of.combos([regions, np.zeros(2, np.int64)], 2))

    assert [sorted(of.segments[r[i]] for r in rows if r[i] >= 0) for i in range(2)] == [["region=eu", "whole"], ["other", "whole"]]
    assert (of.has_other, layout(LOAN).has_other) == (True, False)


def test_the_same_documents_give_the_same_layout() -> None:
    a, b = (Layout(contract_of(), loan_reference(), catalogue()) for _ in range(2))

    assert (a.segments, list(a.counts), a.base, a.size) == (b.segments, list(b.counts), b.base, b.size)


def test_places_in_the_flat_array_are_those_of_the_view() -> None:
    of = layout()
    flat = np.arange(of.size)

    for key, count in of.counts.items():
        for row in range(len(of.segments)):
            assert of.at(key, row, np.arange(count.symbols)).tolist() == of.view(flat, key)[row].tolist()


def test_a_disabled_watch_counts_and_judges_nothing() -> None:
    of = layout(LOAN + 'watches: {latency: {disabled: "load test", until: 2099-01-01}}\n')

    assert "latency" not in {watch.name for watch in of.watches}
    assert not any(key.startswith("inference") for key in of.counts)


def test_the_age_of_judgement_is_the_contracts_or_the_references_or_final() -> None:
    no_delay = LOAN.replace("typical: 2s, late: 3s, final: 30s", "final: 30s")

    assert layout().late_ms == 3_000
    assert layout(no_delay).late_ms == 30_000
    assert 2_500 < Layout(contract_of(no_delay), loan_reference(), catalogue()).late_ms < 2_900


def test_features_nobody_declared_are_those_of_the_reference() -> None:
    of = Layout(contract_of(features=""), loan_reference(), catalogue())

    assert of.features == {"age": "number", "amount": "number", "job": "category"}


def test_a_field_that_is_not_to_be_watched_is_not_counted() -> None:
    of = layout(LOAN.replace("job: {type: category}", "job: {type: category, watch: false}"))

    assert of.watched_features == ("amount", "age")
    assert "job" not in of.state_keys
