"""Nine kinds of bursty traffic of a model and its siblings, by ten minutes: what both share must say nothing, what they do not is allowed for."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pair = tuple[NDArray[np.int64], NDArray[np.int64]]
STEPS = 6 * 24  # a day
OURS, THEIRS = 30.0, 30.0  # events of ten minutes


def noise(rng: np.random.Generator, shape: tuple[int, int], size: float, memory: float) -> Floats:
    """float64[models, steps] around 1: the exponential of a wander that forgets after `memory` steps."""
    found, keep = np.zeros(shape), np.exp(-1 / memory)
    found[:, 0] = rng.normal(0, size, shape[0])
    for step in range(1, shape[1]):
        found[:, step] = keep * found[:, step - 1] + rng.normal(0, size * np.sqrt(1 - keep**2), shape[0])
    factor: Floats = np.exp(found - size**2 / 2)
    return factor


def swing(shape: tuple[int, int], peak: float) -> Floats:
    """Nearly nothing twelve hours from the peak."""
    hour = np.arange(shape[1]) / 6
    return np.broadcast_to(1 + 0.95 * np.cos((hour - peak) / 12 * np.pi), shape)


def outages(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Two hours in each of which nothing comes, once in five days."""
    begins = rng.random(shape) < 1 / (5 * STEPS)
    down = np.stack([np.roll(begins, i, axis=1) for i in range(12)]).any(0)
    return np.where(down, 0.0, 1.0)


def drawn(
    rng: np.random.Generator, ours: Floats | float, theirs: Floats | float, shape: tuple[int, int], clump: tuple[int, int] = (1, 1)
) -> Pair:
    """Poisson, in clumps of so many."""
    a = clump[0] * rng.poisson(np.broadcast_to(OURS * np.asarray(ours) / clump[0], shape))
    return a, clump[1] * rng.poisson(np.broadcast_to(THEIRS * np.asarray(theirs) / clump[1], shape))


def _both(rng: np.random.Generator, shape: tuple[int, int], common: Floats) -> Pair:
    return drawn(rng, common, common, shape)


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], Pair]] = {
    "steady": lambda rng, s: drawn(rng, 1.0, 1.0, s),
    "a night that both share": lambda rng, s: _both(rng, s, swing(s, 14)),
    "bursts that both share": lambda rng, s: _both(rng, s, noise(rng, s, 1.0, 6)),
    "outages that both share": lambda rng, s: _both(rng, s, outages(rng, s)),
    "ours in batches of 20": lambda rng, s: drawn(rng, 1.0, 1.0, s, (20, 1)),
    "theirs in batches of 60": lambda rng, s: drawn(rng, 1.0, 1.0, s, (1, 60)),
    "each wanders for an hour": lambda rng, s: drawn(rng, noise(rng, s, 0.4, 6), noise(rng, s, 0.4, 6), s),
    "ours by day, theirs by night": lambda rng, s: drawn(rng, swing(s, 14), swing(s, 2), s),
    "rare storms of theirs": lambda rng, s: drawn(rng, 1.0, np.where(rng.random(s) < 1 / 500, 21.0, 1.0), s),
}
