"""What every detector promises: one function is one promise. Adding one here lays it on every file that `base.catalogue` finds.

A check takes the class and raises AssertionError with a sentence. All are seeded; a class takes about two seconds.
"""

import contextlib
import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from anchorwatch.errors import NotFinite, StateCorrupt
from anchorwatch.estimators.base import Detector

Kind = type[Detector]
RATE, EVENTS, SEEDS = 0.05, 10_000, 20


def check_refuses_what_is_not_finite(kind: Kind) -> None:
    detector = _after(kind, _bits(0, 200))
    before = detector.snapshot()
    for x in (math.nan, math.inf, -math.inf):
        try:
            detector.update(x)
        except NotFinite:
            continue
        raise AssertionError(f"{kind.__name__} accepted {x}")
    assert detector.snapshot() == before, f"{kind.__name__} changed while it refused"


def check_works_after_a_refusal(kind: Kind) -> None:
    """One NaN silences river's own ADWIN, PageHinkley and HDDM for good."""
    detector = kind()
    with contextlib.suppress(NotFinite):
        detector.update(math.nan)
    changed = [*_bits(1, 2_000), *_bits(2, 2_000, 0.9)]
    assert _alarms(detector, changed), f"{kind.__name__} is silent after a refusal"
    assert _alarms(kind(), changed) == _alarms(_refused(kind), changed), f"{kind.__name__} remembers a refusal"


def check_snapshot_is_plain_finite_data(kind: Kind) -> None:
    for detector in (kind(), _after(kind, _bits(3, 1_000))):
        assert _plain(detector.snapshot()), f"{kind.__name__}: snapshot holds more than plain finite data: {detector.snapshot()}"


def check_restored_twin_has_the_same_future(kind: Kind) -> None:
    for length in (0, 1, 37, 2_000):
        detector, twin = _after(kind, _bits(4, length)), kind()
        twin.restore(copy.deepcopy(detector.snapshot()))
        future = _bits(5, 3_000, 0.15)
        assert _alarms(detector, future) == _alarms(twin, future), f"{kind.__name__}: the twin differs after {length} updates"
        assert detector.snapshot() == twin.snapshot(), f"{kind.__name__}: the twin's state differs after {length} updates"


def check_another_version_is_rebuilt_from_the_last_blocks(kind: Kind) -> None:
    """Not exact, but it starts from the last 2,048 events instead of none."""
    old, twin = _after(kind, _bits(6, 4_000, 0.3)), kind()
    twin.restore({**old.snapshot(), "version": "river 0.0.0"})
    assert _alarms(twin, [1.0] * 2_000), f"{kind.__name__} does not work after it was rebuilt"
    assert len(twin.snapshot()["blocks"]) == len(old.snapshot()["blocks"]), f"{kind.__name__} lost its blocks"  # type: ignore[arg-type]


def check_refuses_what_is_no_snapshot(kind: Kind) -> None:
    good = _after(kind, _bits(7, 100)).snapshot()
    for broken in ({}, {**good, "state": {}}, {**good, "blocks": [[math.nan, 0, 0]]}, {**good, "blocks": 7}):
        detector = kind()
        try:
            detector.restore(broken)
        except StateCorrupt:
            assert detector.snapshot() == kind().snapshot(), f"{kind.__name__} is half restored"
            continue
        raise AssertionError(f"{kind.__name__} took {broken} for a snapshot")


def check_state_is_bounded(kind: Kind) -> None:
    detector = _after(kind, _bits(8, 20_000))
    size = _size(detector.snapshot())
    assert size <= kind.stated.bytes_max, f"{kind.__name__}: snapshot of {size} bytes, stated {kind.stated.bytes_max}"


def check_clone_is_new_and_alike(kind: Kind) -> None:
    detector = _after(kind, _bits(9, 500))
    clone: Detector = detector.clone()  # type: ignore[attr-defined]  # river's, whose types are not read
    assert clone.snapshot() == kind().snapshot(), f"{kind.__name__}: a clone is not new"
    stream = _bits(10, 3_000, 0.2)
    assert _alarms(clone, stream) == _alarms(kind(), stream), f"{kind.__name__}: a clone has other settings"


def check_false_alarms_stay_within_their_stated_rate(kind: Kind) -> None:
    """A rate as a rate: the count over all seeds against the upper .1 % of the stated one."""
    alarms = sum(len(_alarms(kind(), _bits(100 + seed, EVENTS, RATE))) for seed in range(SEEDS))
    most = _poisson_upper(kind.stated.false_per_10k * SEEDS * EVENTS / 10_000)
    assert alarms <= most, f"{kind.__name__}: {alarms} false alarms in {SEEDS} x {EVENTS} events, stated at most {most}"


def check_sees_its_stated_change_within_its_stated_delay(kind: Kind) -> None:
    stated, delays = kind.stated, []
    for seed in range(SEEDS):
        detector = _after(kind, _bits(200 + seed, 2_000, stated.before))
        after = _alarms(detector, _bits(300 + seed, 4 * stated.within, stated.after))
        delays.append(after[0] + 1 if after else math.inf)
    median = float(np.median(delays))
    assert median <= stated.within, f"{kind.__name__}: median delay {median}, stated {stated.within}"


def check_counts_are_heard_as_well(kind: Kind) -> None:
    stated, detector = kind.stated, kind()
    quiet = [detector.feed(100, round(100 * stated.before)) for _ in range(20)]
    changed = [detector.feed(100, round(100 * stated.after)) for _ in range(4 * stated.within // 100)]
    assert not any(quiet), f"{kind.__name__}: an alarm on a steady count"
    assert any(changed), f"{kind.__name__}: a change told by counts is not heard"
    assert detector.feed(0, 0) in (False, detector.drift_detected), f"{kind.__name__}: an empty count raises an alarm"


def check_says_what_it_sees(kind: Kind) -> None:
    assert kind().level().n == 0
    assert kind().level().mean is None, f"{kind.__name__}: a mean of nothing"
    level = _after(kind, [1.0] * 300).level()
    assert level.mean is None or 0.5 < level.mean <= 1, f"{kind.__name__}: level {level} after 300 ones"


def check_cites_its_source_its_cost_and_its_guarantee(kind: Kind) -> None:
    text = kind.__doc__ or ""
    missing = [word for word in ("Takes:", "Gives:", "Settings:", "Cost:", "Guarantee:", "Source:", ">>>") if word not in text]
    assert not missing, f"{kind.__name__}: docstring without {missing}"


CHECKS: tuple[Callable[[Kind], None], ...] = tuple(f for name, f in list(globals().items()) if name.startswith("check_"))


def _bits(seed: int, n: int, rate: float = RATE) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).random(n) < rate]


def _after(kind: Kind, values: Iterable[float]) -> Detector:
    detector = kind()
    _alarms(detector, values)
    return detector


def _alarms(detector: Detector, values: Iterable[float]) -> list[int]:
    at = []
    for i, x in enumerate(values):
        detector.update(x)
        if detector.drift_detected:
            at.append(i)
    return at


def _refused(kind: Kind) -> Detector:
    detector = kind()
    try:
        detector.update(math.nan)
    except NotFinite:
        return detector
    raise AssertionError(f"{kind.__name__} accepted NaN")


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _plain(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_plain(v) for v in value)
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (bool, int, str, bytes)


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(len(k) + _size(v) for k, v in value.items())
    if isinstance(value, list):
        return sum(_size(v) for v in value)
    return len(value) if isinstance(value, str | bytes) else 8


def _poisson_upper(mean: float) -> int:
    """The smallest count that a Poisson number of this mean exceeds with chance <= .001."""
    term = total = math.exp(-mean)
    k = 0
    while total < 0.999:
        k += 1
        term *= mean / k
        total += term
    return k
