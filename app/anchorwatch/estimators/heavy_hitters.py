"""Which values come most often, of more than can be counted? At most so many counters, weighted, and two of them add up."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from anchorwatch.errors import StateCorrupt


class Heavy(NamedTuple):
    """The true weight lies in [low, high]."""

    item: Hashable
    low: int
    high: int


class HeavyHitters:
    """Misra and Gries' counters, by weight.

    Takes:     items that can be dict keys (for a snapshot: text or whole numbers), with a whole weight.
    Gives:     `top`: items with the interval of their weight.
    Settings:  size: counters, at most so many items are held.
    Cost:      100 bytes a counter; 3 us an item of a stream with a long tail (1,000 counters), .1 us one that is held.
    Guarantee: what has more than total / (size + 1) of the weight is held, and its weight known to within that; so of the sum of several.
    Source:    Misra, Gries 1982, Sci. Comput. Program. 2; sums: Agarwal et al. 2013, TODS 38(4). river's HeavyHitters takes no weights and
               does not add.

    >>> seen = HeavyHitters(size=2)
    >>> seen.add("abacabad")
    >>> seen.top(1), seen.total
    ([Heavy(item='a', low=2, high=4)], 8)
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"HeavyHitters: size is {size}; needs at least one counter")
        self.size = size
        self.total = 0
        self._counts: dict[Hashable, int] = {}
        self._lost = 0  # at most so much of any item is missing

    def add(self, items: Iterable[Hashable], weight: int = 1) -> None:
        """Each item once, with this weight."""
        assert weight > 0, f"a weight of {weight}: counters only grow"
        counts = self._counts
        for item in items:
            self.total += weight
            if item in counts:
                counts[item] += weight
            else:
                counts[item] = weight
                if len(counts) > self.size:
                    self._shrink(min(counts.values()))
                    counts = self._counts

    def merge(self, other: "HeavyHitters") -> None:
        """What the other saw was seen here as well."""
        for item, n in other._counts.items():
            self._counts[item] = self._counts.get(item, 0) + n
        self.total += other.total
        self._lost += other._lost
        if len(self._counts) > self.size:
            self._shrink(sorted(self._counts.values(), reverse=True)[self.size])

    def top(self, n: int) -> list[Heavy]:
        """The n heaviest, heaviest first; equal ones in the order of their text."""
        order = sorted(self._counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
        return [Heavy(item, low, low + self._lost) for item, low in order[:n]]

    def weight(self, item: Hashable) -> Heavy:
        low = self._counts.get(item, 0)
        return Heavy(item, low, low + self._lost)

    def _shrink(self, by: int) -> None:
        """Take so much from each; the items that have no more are let go. Each call takes size + 1 times as much from the total."""
        self._lost += by
        self._counts = {item: n - by for item, n in self._counts.items() if n > by}

    def snapshot(self) -> dict[str, Any]:
        """Plain data."""
        return {"total": self.total, "lost": self._lost, "counts": [[item, n] for item, n in self._counts.items()]}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Raises: StateCorrupt for what is no snapshot of so many counters; unchanged then."""
        try:
            counts = {item: int(n) for item, n in data["counts"]}
            total, lost = int(data["total"]), int(data["lost"])
            if len(counts) > self.size or min(counts.values(), default=1) <= 0 or lost < 0 or total < sum(counts.values()):
                raise ValueError("counts")
        except (KeyError, TypeError, ValueError) as error:
            raise StateCorrupt(f"heavy hitters: not a snapshot of {self.size} counters ({error!r}); start from empty state") from error
        self._counts, self.total, self._lost = counts, total, lost
