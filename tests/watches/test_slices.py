"""What is said aloud of a slice that nobody declared."""

from tests.watches.seeing import seen

from anchorwatch.watches import load


def test_a_slice_is_named_with_its_error_its_line_and_its_share() -> None:
    told = load("slices").explain(
        seen("error@late", segment="amount=120..150", current=0.21, line=0.115, reference=0.1, interval=(0.13, 0.3), share_of_traffic=0.12)
    )

    assert told.name == "QualityDrop"
    assert told.summary == (
        "21 % [13, 30] of answers are wrong where amount=120..150, 12 % of the labelled predictions, which nobody declared a segment;"
        " at most 11.5 % may be; of all predictions it was 10 % in the reference."
    )


def test_a_pair_is_told_by_both_its_cells() -> None:
    told = load("slices").explain(seen("error@late", segment="device=tablet,tenure_months=0..3", current=0.21, line=0.115))

    assert told.summary.startswith("21 % of answers are wrong where device=tablet and tenure_months=0..3")
