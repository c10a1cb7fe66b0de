"""What the demo reports. The play itself, with a real Kafka, is tests/cli/test_demo.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from anchorwatch.runtime.demo import play
from anchorwatch.runtime.demo.acts import Played, acts
from anchorwatch.runtime.demo.play import Outcome, learn
from anchorwatch.telemetry.endpoint import Link, SeenSpan


def caught(evening: Any) -> list[Played]:
    return [Played(act, 0, 1, alert=evening.alerts[0]) for act in acts()]


def test_all_four_caught_and_nothing_else_is_well(evening: Any) -> None:
    assert Outcome(caught(evening)).ok


def test_one_act_missing_missed_or_a_stranger_is_not_well(evening: Any) -> None:
    whole = caught(evening)

    assert not Outcome(whole[:3]).ok
    assert not Outcome([*whole[:3], Played(acts()[3], 0, 1)]).ok
    assert not Outcome(whole, ["NoOwner on whole"]).ok


def test_the_report_is_plain_json(evening: Any) -> None:
    span = SeenSpan("predict loan", "a" * 32, "b" * 16, "", 1.0, 2.0, "loan-service", {}, (Link("c" * 32, "trigger"),))
    told = json.loads(json.dumps(Outcome(caught(evening), spans=[span]).told()))

    assert told["schema"] == "demo.v1"
    assert told["ok"]
    assert told["trace"]["prediction"][0]["links"] == [{"trace_id": "c" * 32, "kind": "trigger"}]


def test_what_is_learnt_lies_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(play, "QUIET_ROWS", 50)
    model, rows = learn(tmp_path)

    assert rows.parent == tmp_path
    assert len(rows.read_text("utf-8").splitlines()) == 51
    assert model.answer({})[0] in ("approve", "decline")
