"""Shares of the alert budget."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.alerting import budget
from anchorwatch.errors import ConfigError


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(budget).failed == 0


@pytest.mark.parametrize("kind", ["harm", "cause", "news"])
def test_the_watches_of_each_list_share_exactly_one(kind: budget.Kind) -> None:
    assert sum(budget.SHARES[kind].values()) == pytest.approx(1.0, abs=1e-12)


@given(
    st.dictionaries(
        st.sampled_from(list(budget.SHARES_HARM) + list(budget.SHARES_CAUSE)), st.tuples(st.integers(0, 200), st.integers(1, 60))
    )
)
def test_monitors_of_a_list_never_share_more_than_one(watched: dict[str, tuple[int, int]]) -> None:
    """Whatever watches are there, with however many segments and metrics."""
    sums = {"harm": 0.0, "cause": 0.0}
    for watch, (segments, parts) in watched.items():
        sums[budget.kind_of(watch)] += parts * budget.share(watch, whole=True, n_segments=segments, n_parts=parts)
        if segments:
            sums[budget.kind_of(watch)] += segments * parts * budget.share(watch, whole=False, n_segments=segments, n_parts=parts)

    assert max(sums.values()) <= 1 + 1e-9


@given(st.dictionaries(st.sampled_from(list(budget.SHARES_NEWS)), st.tuples(st.integers(1, 200), st.integers(1, 60))))
def test_news_shares_a_list_of_its_own(watched: dict[str, tuple[int, int]]) -> None:
    total = 0.0
    for watch, (segments, parts) in watched.items():
        whole, each = (budget.share(watch, whole=of_all, n_segments=segments, n_parts=parts, news=True) for of_all in (True, False))
        total += parts * (whole + segments * each)

    assert total <= 1 + 1e-9
    assert {budget.kind_of(watch, news=True) for watch in watched} <= {"news"}


def test_a_watch_that_tells_no_news_has_no_share_of_it() -> None:
    with pytest.raises(KeyError, match="for news; known: quality, latency, impact"):
        budget.share("inputs", whole=True, n_segments=0, news=True)


def test_models_share_the_pages_by_weight() -> None:
    """Three models, weights 1, 1, 2, two pages a month: expected false pages of the fleet are 30 d / N, added."""
    levels = [budget.level_days(2, weight, 4) for weight in (1, 1, 2)]

    assert levels == [60, 60, 30]
    assert sum(30 / level for level in levels) == 2


@pytest.mark.parametrize(("pages", "weight", "total"), [(0, 1, 1), (1, 0, 1), (1, float("nan"), 1), (float("inf"), 1, 1), (1, 2, 1)])
def test_a_budget_that_promises_nothing_is_refused(pages: float, weight: float, total: float) -> None:
    with pytest.raises(ConfigError, match=r"must be|count every"):
        budget.level_days(pages, weight, total)


def test_an_unknown_watch_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="quality"):
        budget.share("qualty", whole=True, n_segments=0)


def test_evidence_is_compared_at_six_digits() -> None:
    """So that the last bits of log and exp decide nothing."""
    assert budget.rounded(29.9999999) >= 30
    assert budget.rounded(29.9999) < 30
