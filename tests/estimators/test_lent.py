"""Loans of evidence: what they promise as a rate, and that a place forgets whom it was lent to."""

import numpy as np
from scipy.stats import binom

from anchorwatch.estimators.lent import LentBank, place_share

LINE, N_DAYS, LOAN = 0.1, 30.0, 0.6
DAY_MS = 86_400_000


def bank(places: int) -> LentBank:
    made = LentBank(places, clear_days=1.0, level_days=N_DAYS)
    made.tune(np.full(places, LINE), np.ones(places))
    for place in range(places):
        made.lend(place, LOAN)
    return made


def pages(found: LentBank, error: float, events: int, windows: int, rng: np.random.Generator) -> set[int]:
    paged: set[int] = set()
    for day in range(windows):
        n = np.full(found.size, events)
        told = found.window(n, rng.binomial(n, error), 1.0, day * DAY_MS, (day + 1) * DAY_MS)
        paged |= {change.monitor for change in told if change.verdict == "page"}
    return paged


def test_shares_of_all_places_sum_to_one_at_most() -> None:
    assert 0.99 < float(place_share(np.arange(1, 1_000_001)).sum()) < 1


def test_exactly_on_the_line_one_loan_in_fifty_pages_however_long_it_runs() -> None:
    """A loan of D days pages with chance D / N at most: of 4,000 loans of .6 days at N = 30, 80."""
    paged = len(pages(bank(4_000), LINE, 50, 120, np.random.default_rng(5)))

    assert 0 < paged <= binom.ppf(0.999, 4_000, LOAN / N_DAYS)


def test_twice_the_error_pages_within_a_few_hundred_events() -> None:
    found = bank(200)

    assert len(pages(found, 2 * LINE, 20, 20, np.random.default_rng(6))) >= 190  # after 400 events


def test_no_credit_comes_beside_the_loan() -> None:
    found = bank(2)
    for day in range(100):
        found.window([0, 0], [0, 0], 1.0, day * DAY_MS, (day + 1) * DAY_MS)

    assert found.evidence().tolist() == [LOAN, LOAN]


def test_a_place_that_is_lent_anew_remembers_nothing() -> None:
    found, fresh = bank(2), bank(2)
    pages(found, 0.5, 100, 10, np.random.default_rng(7))
    for place in (0, 1):
        found.free(place)
        assert found.evidence()[place] == 0.0
        found.lend(place, LOAN)

    for day in range(10, 30):
        told = [b.window([50, 50], [9, 3], 1.0, day * DAY_MS, (day + 1) * DAY_MS) for b in (found, fresh)]
        assert told[0] == told[1]
