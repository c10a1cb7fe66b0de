"""Our detector, event by event."""

import numpy as np
import pytest

from anchorwatch.estimators.bank import BernoulliBank
from anchorwatch.estimators.e_detector import EDetector
from anchorwatch.estimators.tables import bernoulli


def test_per_event_it_is_the_sum_over_all_beginnings() -> None:
    """M_k after t events = sum over s of the product of the gains since s, by hand."""
    stream = [0, 1, 0, 0, 1, 1, 0]
    detector = EDetector(line=0.3, run_length=1e6)
    for x in stream:
        detector.update(x)

    gains = np.exp(bernoulli(0.3))[:, stream]
    assert detector.evidence == pytest.approx(np.mean([sum(row[s:].prod() for s in range(len(stream))) for row in gains]))


def test_a_block_of_one_is_an_event_and_a_larger_block_is_a_banks_window() -> None:
    single, block = EDetector(line=0.1), EDetector(line=0.1)
    bank = BernoulliBank(group=[0], line=0.1, share=1.0, clear_days=1.0, pages=True, phi=1.0, up=True, level_days=1e4)
    single.update(1)
    block.feed(1, 1)
    assert single.snapshot() == block.snapshot()

    block = EDetector(line=0.1)
    for k in (2, 0, 5, 3):
        block.feed(20, k)
        bank.window([20], [k], 20.0, 0, 0)  # days as events: the same credit
    assert bank.evidence()[0] == pytest.approx(block.evidence, rel=1e-5)


def test_blocks_alarm_no_earlier_on_what_is_in_order() -> None:
    """The block form forgets restarts inside a block: safe, and about half a block late."""
    rng = np.random.default_rng(1)
    bits = (rng.random(4_000) < np.repeat([0.05, 0.2], 2_000)).astype(int)
    one, many = EDetector(run_length=1e9), EDetector(run_length=1e9)

    first = next(i for i, x in enumerate(bits) if one.feed(1, int(x)))
    blocks = bits.reshape(-1, 40).sum(1)
    late = next(i for i, k in enumerate(blocks) if many.feed(40, int(k)))
    assert first // 40 <= late <= first // 40 + 2


def test_a_fall_is_heard_when_asked_for() -> None:
    detector = EDetector(line=0.5, down=True)

    assert not any(detector.feed(10, 6) for _ in range(50))
    assert any(detector.feed(10, 2) for _ in range(20))
    assert 50 <= detector.changed <= 150


@pytest.mark.parametrize("settings", [{"line": 0.0}, {"line": 1.0}, {"run_length": 1.0}, {"line": float("nan")}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie inside"):
        EDetector(**settings)  # type: ignore[arg-type]
