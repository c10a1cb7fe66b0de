"""Monitors that tell news: no word before the mark, never a page, as seldom false as promised."""

import numpy as np
from scipy.stats import binom
from tests.estimators.test_bank import hourly, rates, tosses


def test_news_says_nothing_before_its_mark_and_never_pages() -> None:
    """Beside it the same stream as harm: warned at a tenth, paged at the same moment."""
    rng = np.random.default_rng(6)
    bank = rates(2, pages=[True, False], news=[False, True])

    same = [(n.repeat(2), k.repeat(2)) for n, k in tosses(rng, 40, 0.6)]
    told = [(c.monitor, c.verdict) for c in hourly(bank, same)]

    assert told[-1] == (1, "news")
    assert {verdict for monitor, verdict in told if monitor == 1} == {"news"}
    assert bank.state().tolist() == [2, 2]
    assert bank.evidence().tolist() == [0.0, 0.0], "it earns nothing more while it is open"


def test_news_ends_like_everything_else_and_may_come_again() -> None:
    rng = np.random.default_rng(8)
    bank = rates(pages=False, news=True)
    story = tosses(rng, 30, 0.3) + tosses(rng, 400, 0.03) + tosses(rng, 30, 0.3)

    changes = hourly(bank, story)

    assert [c.verdict for c in changes] == ["news", "recovering", "quiet", "news"]


def test_on_its_line_news_is_told_no_oftener_than_promised() -> None:
    """300 days of 200 monitors that share one, exactly on the line: at most 30 are promised, and no tenth of the mark speaks."""
    rng = np.random.default_rng(11)
    bank = rates(200, share=1 / 200, pages=False, news=True, level_days=10.0)

    told = [c.verdict for c in hourly(bank, tosses(rng, 24 * 300, 0.06, 200, n=30)) if c.verdict in ("page", "warning", "news")]

    assert set(told) <= {"news"}
    assert len(told) <= binom.ppf(0.999, 300, 0.1)
