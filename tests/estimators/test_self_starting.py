"""A detector that draws its own line."""

from typing import Any

import numpy as np
import pytest
from river import drift, naive_bayes

from anchorwatch.estimators.lines import line_above, luck
from anchorwatch.estimators.self_starting import SelfStarting


def test_it_judges_nothing_before_it_has_learnt() -> None:
    detector = SelfStarting(learn=500)

    assert not any(detector.feed(10, 10) for _ in range(49))
    assert detector.line is None
    assert detector.evidence == 0


def test_its_line_is_the_one_of_what_is_older_than_it_judges() -> None:
    """500 events learnt, then 1,000 judged and held back, then the first of these learnt, a block of 32 at a time."""
    detector = SelfStarting(run_length=1e6, learn=500, behind=1_000)
    for _ in range(50):
        detector.feed(10, 1)
    assert detector.line == pytest.approx(float(line_above(50, 500, z=luck(1e6 / 500))))

    for _ in range(100):
        detector.feed(10, 0)
    assert detector.level().n == 500
    for _ in range(10):
        detector.feed(10, 0)
    assert 560 <= detector.level().n <= 600


def test_after_an_alarm_the_new_rate_is_the_normal_one() -> None:
    rng = np.random.default_rng(1)
    detector = SelfStarting()
    for _ in range(200):
        detector.feed(10, int(rng.binomial(10, 0.05)))
    heard = [detector.feed(10, int(rng.binomial(10, 0.3))) for _ in range(400)]

    assert heard.index(True) < 20
    assert sum(heard) == 1


def test_a_change_does_not_become_its_own_reference() -> None:
    """.10 -> .14 soon after it has learnt, 60 streams: a line that learns at once follows it in several of them."""
    rng, missed = np.random.default_rng(2), {0: 0, 1_000: 0}
    for _ in range(60):
        stream = rng.random(8_000) < np.where(np.arange(8_000) < 1_000, 0.10, 0.14)
        blocks = stream.reshape(-1, 20).sum(1).tolist()
        for behind in missed:
            detector = SelfStarting(behind=behind)
            missed[behind] += not any([detector.feed(20, k) for k in blocks][50:])

    assert missed[1_000] <= 6
    assert missed[0] > missed[1_000]


@pytest.mark.parametrize("settings", [{"run_length": 1.0}, {"learn": 3}, {"behind": -1}, {"tolerance": 1.5}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="SelfStarting"):
        SelfStarting(**settings)  # type: ignore[arg-type]


def test_rivers_retraining_classifier_takes_it_as_one_of_its_own() -> None:
    """The concept turns round at event 2,000: without a detector the tree stays wrong for long, with ours it is dropped and learns anew."""

    def errors(model: Any) -> float:
        rng, wrong = np.random.default_rng(3), 0
        for i in range(4_000):
            x, y = {"a": float(rng.random()), "b": float(rng.random())}, False
            y = (x["a"] > 0.5) != (i >= 2_000)
            wrong += i >= 2_400 and model.predict_one(x) != y
            model.learn_one(x, y)
        return wrong / 1_600

    plain = errors(naive_bayes.GaussianNB())
    ours = errors(drift.DriftRetrainingClassifier(naive_bayes.GaussianNB(), SelfStarting(), train_in_background=False))
    assert plain > 0.4
    assert ours < 0.1
