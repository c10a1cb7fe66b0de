"""How does one test what was picked out for looking bad? On what comes after the choice, with a credit that is lent once."""

import numpy as np
from numpy.typing import ArrayLike

from anchorwatch.estimators.bank import BernoulliBank

SHARE_OF_FIRST, FALL = 0.4375, 1.6  # shares .4375 j^-1.6 of places j = 1, 2, ..: they sum to 1


def place_share(place: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Share of the j-th place, j from 1: a first suspect is tested nearly as if it were the only one, a hundredth still is.

    >>> place_share([1, 2, 10]).round(4).tolist()
    [0.4375, 0.1443, 0.011]
    """
    return SHARE_OF_FIRST / np.asarray(place, np.float64) ** FALL


class LentBank(BernoulliBank):
    """0/1 monitors that come and go: each begins with credit that was lent to it at once, and earns none.

    Takes:     per window n and k: int64[places], events and ones of what each place is lent to, 0 while it is lent to nothing.
    Gives:     as BernoulliBank.
    Settings:  places; clear_days; level_days: N.
    Cost:      65 us a window of 20 places, 71 of 200; 257 bytes a place.
    Guarantee: one loan of D days of credit pages falsely with chance D / N at most, however long it runs and however it was chosen, as long
               as the choice knew nothing of the windows that follow it.
    Source:    Ville's inequality for the product of bets of arXiv 2203.03532; the budget: detection.md 6.
    """

    def __init__(self, places: int, clear_days: float, level_days: float) -> None:
        idle = np.full(places, 0.5)
        super().__init__(
            group=np.arange(places), line=idle, share=np.zeros(places), clear_days=np.full(places, clear_days),
            pages=np.ones(places, np.bool_), phi=np.ones(places), up=np.ones(places, np.bool_), level_days=level_days,
        )  # fmt: skip

    def tune(self, line: ArrayLike, phi: ArrayLike) -> None:
        """float64[places]: lines and clumping of what the places are lent to. Evidence is kept: as after a restart."""
        self.phi[:] = phi
        self.move_lines(line)

    def lend(self, place: int, days: float) -> None:
        """From the next window on this place tests something else, with so many days of evidence to begin with."""
        self.reset([place])
        self._rows.m[:, place] = days

    def free(self, place: int) -> None:
        self.reset([place])
