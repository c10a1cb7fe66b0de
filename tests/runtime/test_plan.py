import doctest
from typing import Any

import numpy as np
import pytest
from tests.runtime.loans import CONTRACT, LOANS, T, events

from anchorwatch.contract import parse, to_json
from anchorwatch.estimators.bank import BernoulliBank
from anchorwatch.events import Applied
from anchorwatch.runtime import plan as plans
from anchorwatch.runtime.backtest import learned


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """3,000 predictions at 100 a second, one in twenty wrong, 97 % of them in the three large regions."""
    return learned(LOANS, events(3_000, T))


def applied(text: str, reference: dict[str, Any] | None) -> Applied:
    return Applied(contract=to_json(parse(text, "t")), actor="ann", at_ms=T, effective_from_ms=T, reference=reference)


def planned(before: Applied | None, after: Applied) -> plans.Plan:
    return plans.plan(before, after, "from x", pages_per_month=1, weights=1)


def test_differences_are_told_as_documented() -> None:
    assert doctest.testmod(plans).failed == 0


def test_the_same_contract_keeps_every_monitor(reference: dict[str, Any]) -> None:
    found = planned(applied(CONTRACT, reference), applied(CONTRACT, reference))

    assert (found.changed, found.restarted, found.added, found.gone) == ({}, (), (), ())
    assert "quality:error@late/whole" in found.kept
    assert plans.told(found)[0] == "loans prod   as it is in force"


def test_a_promise_that_changes_begins_its_monitors_anew_and_keeps_the_others(reference: dict[str, Any]) -> None:
    promised = CONTRACT.replace("promises: {", "promises: {quality: {metric: error, at_most: 0.2}, ")

    found = planned(applied(CONTRACT, reference), applied(promised, reference))

    assert found.changed == {"promises.quality.metric": (None, "error"), "promises.quality.at_most": (None, 0.2)}
    assert {key.partition(":")[0] for key in found.restarted + found.gone} == {"quality"}
    assert any(key.startswith("inputs:") for key in found.kept)


def test_a_feature_more_adds_monitors_and_one_less_takes_them(reference: dict[str, Any]) -> None:
    less = CONTRACT.replace("  job: {type: category}\n", "")

    gone, back = (
        planned(applied(CONTRACT, reference), applied(less, reference)),
        planned(applied(less, reference), applied(CONTRACT, reference)),
    )

    assert gone.gone
    assert all("job" in key for key in gone.gone)
    assert back.added == gone.gone
    assert back.changed == {"features.job.type": (None, "category")}


def test_a_new_model_has_only_new_monitors_and_one_without_reference_is_learning(reference: dict[str, Any]) -> None:
    new, learning = planned(None, applied(CONTRACT, reference)), planned(None, applied(CONTRACT, None))

    assert (new.is_new, new.kept, new.gone) == (True, (), ())
    assert learning.delays == ()
    assert plans.told(learning)[1].startswith("  reference  none yet, the model will be learning")


def test_the_delay_of_a_worse_error_is_told_for_the_whole_and_some_segments(reference: dict[str, Any]) -> None:
    found = planned(None, applied(CONTRACT, reference))

    whole, *others = found.delays
    assert whole.segment == "whole"
    assert len(others) == 3
    assert whole.before == pytest.approx(0.05, abs=0.015)
    assert whole.after == pytest.approx(1.4 * whole.before)
    assert whole.labels_per_day == pytest.approx(100 * 86_400, rel=0.05)


def test_a_change_that_stays_inside_its_line_is_meant_to_be_silent(reference: dict[str, Any]) -> None:
    wide = CONTRACT.replace("promises: {", "promises: {quality: {metric: error, at_most: 0.2}, ")

    (whole, *_) = planned(None, applied(wide, reference)).delays

    assert whole.inside
    assert whole.after == pytest.approx(1.4 * 0.2)
    assert plans.told(planned(None, applied(wide, reference)))[-4].startswith(
        "  delay      whole: up to its line, 20.0%, nothing is heard; error 4."
    )


def test_the_simulation_agrees_with_the_bank_run_one_by_one(reference: dict[str, Any]) -> None:
    """25 runs at once against 25 of a bank with one monitor and draws of its own: medians within a quarter."""
    _, monitors = plans._monitors(applied(CONTRACT, reference), 1, 1)
    monitor = next(m for m in monitors.every if m.key == "quality:error@late/whole")
    bank: dict[str, Any] = {
        "group": [0], "line": [monitor.streams[0].line], "phi": monitors.layout.phi(monitor.key, 1), "up": [True], "pages": True,
        "share": monitors.share_of(monitor), "clear_days": monitor.clear_days, "level_days": 30, "healing_min": monitor.healing_min,
    }  # fmt: skip
    runs = []
    for seed in range(25):
        own, rng = BernoulliBank(**bank), np.random.default_rng([9, seed])
        for window in range(plans.WINDOWS_MAX):
            k = rng.binomial(50, 0.12 if window >= plans.QUIET_WINDOWS else 0.05)
            if any(change.verdict == "page" for change in own.window([50], [k], 50 / 10_000, window, window + 1)):
                runs.append((window - plans.QUIET_WINDOWS + 1) * 50)
                break

    assert plans.simulated(monitor, monitors, 0.05, 0.12, 50, 10_000) == pytest.approx(float(np.median(runs)), rel=0.25)
