"""What is a detector? The contract of every file in this folder that a contract may name, and how such files are found.

A detector is a river detector as well (`update(x)`, `drift_detected`), with the gaps of river closed: nothing that is not finite gets in,
state is plain data, a count may be fed, its stated rates are checked (checks.py). What river's detectors say is advice.
"""

import abc
import importlib
import math
import pkgutil
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import river

from anchorwatch.errors import ContractError, NotFinite, StateCorrupt

FEED_MAX = 10_000  # events one count is spread over; above, n and k shrink in proportion: detectors see a rate, not a flood
BLOCKS_MAX = 64  # kept to rebuild from when river's own state has another version
BLOCK_EVENTS = 32

Plain = None | bool | int | float | str | bytes | list[Any] | dict[str, Any]


class Stated(NamedTuple):
    """What a class states about itself on 0/1 streams, and checks.py holds it to."""

    false_per_10k: float  # alarms per 10,000 events at a constant rate of .05
    before: float  # the change it must see: rate before,
    after: float  # rate after,
    within: int  # events after the change, median
    bytes_max: int  # of a snapshot


class Level(NamedTuple):
    """Advice: what the detector now takes for the present."""

    n: int
    mean: float | None  # None: nothing seen


class Detector(abc.ABC):
    """Mixed in before a class of river. Subclasses say how to step, and what their state is.

    Raises: NotFinite for NaN, infinity, or a value outside `low` .. `high`; the state is unchanged then.
    """

    stated: ClassVar[Stated]
    low: ClassVar[float] = -math.inf
    high: ClassVar[float] = math.inf
    state_version: ClassVar[str] = f"river {river.__version__}"

    _blocks: deque[list[float]]  # [n, sum, only 0 and 1?] of the last events
    _drift_detected: bool  # river's

    @property
    def drift_detected(self) -> bool:
        """Did the last update raise an alarm?"""
        return self._drift_detected

    @abc.abstractmethod
    def level(self) -> Level:
        """Advice to be shown beside a finding."""

    @abc.abstractmethod
    def _step(self, x: float) -> None:
        """One finite value."""

    @abc.abstractmethod
    def _state(self) -> dict[str, Plain]:
        """Plain finite data."""

    @abc.abstractmethod
    def _load(self, state: Mapping[str, Any]) -> None:
        """The reverse. Raises KeyError, TypeError or ValueError for what is not such a state."""

    @abc.abstractmethod
    def _forget(self) -> None:
        """As new."""

    def update(self, x: float) -> None:
        if not (math.isfinite(x) and self.low <= x <= self.high):
            raise NotFinite(f"{type(self).__name__}.update({x!r}): needs a finite number in {self.low}..{self.high}; leave it out")
        self._remember(1, float(x), x in (0, 1))
        self._step(x)

    def feed(self, n: int, k: int) -> bool:
        """n events with k ones, spread evenly (counts do not tell their order). Gives: was there an alarm on the way?"""
        assert 0 <= k <= n, f"{k} ones among {n} events: the counts of two streams were mixed"
        if n > FEED_MAX:
            n, k = FEED_MAX, round(k * FEED_MAX / n)
        assert all(self.low <= x <= self.high for x in (0, 1)), (
            f"{type(self).__name__} takes {self.low} to {self.high}: counts are ones and zeros"
        )
        alarm, at = False, 0
        while at < n:  # .2 to 4 us an event: only what a contract names is fed
            to = min(at + self._room(), n)
            self._remember(to - at, float(to * k // n - at * k // n), True)
            for i in range(at, to):
                self._step(float((i + 1) * k // n - i * k // n))
                alarm |= self.drift_detected
            at = to
        return alarm

    def snapshot(self) -> dict[str, Plain]:
        """Plain finite data, for msgpack or JSON with bytes; at most `stated.bytes_max`."""
        return {"version": self.state_version, "state": self._state(), "blocks": [list(b) for b in self._blocks]}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Exact when written by the same version, else rebuilt from the last blocks.

        Raises: StateCorrupt for what is no snapshot; the detector is as new then.
        """
        try:
            blocks = [[float(v) for v in block] for block in data["blocks"]][-BLOCKS_MAX:]
            if any(len(b) != 3 or not all(map(math.isfinite, b)) or b[0] < 0 for b in blocks):
                raise ValueError("blocks")
            if data["version"] == self.state_version:
                self._load(data["state"])
                self._blocks = deque(blocks, BLOCKS_MAX)
            else:
                self._rebuild(blocks)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            self._forget()
            found = f"{type(error).__name__} {error}"
            raise StateCorrupt(f"state of detector {type(self).__name__}: not a snapshot of it ({found}); start it anew") from error

    def _rebuild(self, blocks: list[list[float]]) -> None:
        self._forget()
        for n, total, bits in blocks:
            if bits and 0 <= total <= n:
                self.feed(int(n), int(total))
            else:
                for _ in range(min(int(n), FEED_MAX)):
                    self.update(total / n)

    def _room(self) -> int:
        """How many more events the block that is being filled takes."""
        full = not self._blocks or self._blocks[-1][0] >= BLOCK_EVENTS
        return BLOCK_EVENTS if full else BLOCK_EVENTS - int(self._blocks[-1][0])

    def _remember(self, n: int, total: float, bits: bool) -> None:
        if not self._blocks or self._blocks[-1][0] >= BLOCK_EVENTS:
            self._blocks.append([0.0, 0.0, 1.0])
        last = self._blocks[-1]
        last[0] += n
        last[1] += total
        last[2] *= bits


def load(name: str) -> type[Detector]:
    """The detector in the file `<name>.py`; imports that file alone. Raises: ContractError when there is none."""
    found = _detector_in(name) if name.isidentifier() and (Path(__file__).parent / f"{name}.py").exists() else None
    if found is None:
        raise ContractError(f"detectors: no detector {name!r}; write one of {', '.join(sorted(catalogue()))}")
    return found


def catalogue() -> dict[str, type[Detector]]:
    """Every detector of this folder by the name of its file: found by walking, so that no list can rot."""
    return dict(_walk())


def _walk() -> Iterator[tuple[str, type[Detector]]]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        found = _detector_in(module.name)
        if found is not None:
            yield module.name, found


def _detector_in(name: str) -> type[Detector] | None:
    module = importlib.import_module(f"{__package__}.{name}")
    for thing in vars(module).values():
        if isinstance(thing, type) and issubclass(thing, Detector) and thing.__module__ == module.__name__ and thing is not Detector:
            return thing
    return None
