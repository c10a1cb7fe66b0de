"""A model's state as plain data: whoever restores it has the same future."""

import numpy as np
from tests.traffic import Fault, loan_applied, loan_drive, quiet_then

from anchorwatch.stages import model_state
from anchorwatch.stages.model_judge import JudgeSettings, ModelJudge
from anchorwatch.stages.registry import Registry

SETTINGS = JudgeSettings("findings", "alerts.events", "alerts.state", 1, window_ms=1_000, summary_ms=10_000)


def lived() -> ModelJudge:
    events, _, end = quiet_then(1_000, Fault(error=0.4), quiet=1_000)
    drive = loan_drive()
    drive.feed(events).end(end)
    return drive.judge.models["prod/loan"]


def blank() -> ModelJudge:
    return ModelJudge(Registry(1_000).apply(loan_applied()), SETTINGS, 30.0)


def test_a_twin_says_the_same_of_itself() -> None:
    model, twin = lived(), blank()
    header, arrays = model_state.snapshot(model)

    model_state.restore(twin, header, arrays)

    again, more = model_state.snapshot(twin)
    assert again == header
    assert arrays.keys() == more.keys()
    assert all(np.array_equal(arrays[name], more[name]) for name in arrays)
    assert twin.begun_ms > 0


def test_state_of_a_version_without_spells_and_hand_over_is_read() -> None:
    model = lived()
    header, arrays = model_state.snapshot(model)
    older = {name: value for name, value in header.items() if name not in ("meter", "begun_ms")}
    twin = blank()

    model_state.restore(twin, older, arrays)

    assert (twin.begun_ms, twin.meter.at_ms) == (-1, -1)
    assert twin.monitors.evidence() == model.monitors.evidence()
