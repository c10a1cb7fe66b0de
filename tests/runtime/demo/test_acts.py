"""What must be heard of each act, and what must not be. The evening is played in-process by both stages."""

import json
from typing import Any

import msgspec
import pytest

from anchorwatch.events import Alert
from anchorwatch.runtime.demo.acts import Played, acts, hear, strangers


@pytest.fixture
def played(evening: Any) -> list[Played]:
    """The first three acts, after the evening."""
    found = []
    for act, began in zip(acts(), evening.began, strict=False):
        one = Played(act, began)
        hear(one, [alert for alert in evening.alerts if alert.at_ms > began])
        one.healed_at_ms = began + 15_000
        found.append(one)
    return found


def test_each_act_is_heard_with_its_segment_and_cause(played: list[Played]) -> None:
    """A fault begins in the middle of a window, when statistics say `missing` before the rule can say `renamed`."""
    by = [(one.alert.labels["alertname"], one.alert.labels["segment"]) for one in played if one.alert]

    assert by == [("InputRenamed", "whole"), ("LatencyOverPromise", "region=west"), ("QualityDrop", "region=islands")]


def test_nothing_else_fires_than_the_acts(played: list[Played], evening: Any) -> None:
    """Not before, not between, not when a fault has ended: no unknown field is left behind by a rename."""
    assert strangers(played, evening.alerts) == []


def test_an_act_is_heard_within_seconds(played: list[Played]) -> None:
    assert [
        one.alert.opened_at_ms - one.injected_at_ms < most for one, most in zip(played, (2_500, 1_500, 10_500), strict=True) if one.alert
    ]


def test_the_right_alert_with_another_owner_is_not_right(played: list[Played]) -> None:
    alert = played[1].alert
    assert alert
    other = msgspec.structs.replace(alert, labels={**alert.labels, "owner": "group:default/others"})

    assert played[1].act.wrong(other) == "LatencyOverPromise on region=west, owner group:default/others"


def test_a_segment_that_is_not_the_headline_is_not_enough(played: list[Played]) -> None:
    alert = played[2].alert
    assert alert
    other = msgspec.structs.replace(alert, annotations={**alert.annotations, "incident_headline": "prod/loan/quality:error@late/whole"})

    assert "not the headline" in played[2].act.wrong(other)


def test_a_quality_drop_of_which_the_whole_suffers_is_not_the_third_act(played: list[Played]) -> None:
    alert = played[2].alert
    assert alert

    assert "whole" in played[2].act.wrong(msgspec.structs.replace(alert, impact={"whole_looks_fine": False}))


def test_a_flag_turned_by_somebody_else_is_not_the_fourth_act(evening: Any) -> None:
    off = switched_off(evening.alerts[0], "m.roe")

    assert "m.roe" in acts()[3].wrong(off)
    assert not acts()[3].wrong(switched_off(evening.alerts[0], "j.doe"))


def switched_off(like: Alert, actor: str) -> Alert:
    key = "prod/loan/alive:flag/whole"
    cause = {"kind": "flag", "key": "loan-model-on", "state": "off", "actor": actor}
    return msgspec.structs.replace(
        like, labels={**like.labels, "alertname": "ModelSwitchedOff", "segment": "whole", "watch": "alive"}, dedup_key=key,
        annotations={"summary": "off", "incident_headline": key}, caused_by=[cause], incident="another",
    )  # fmt: skip


def test_what_belongs_to_no_act_is_named(played: list[Played], evening: Any) -> None:
    stranger = switched_off(evening.alerts[0], "j.doe")

    assert strangers(played, [*evening.alerts, stranger, stranger]) == ["ModelSwitchedOff on whole: off"]


def test_an_act_that_was_missed_tells_what_was_heard_instead(evening: Any) -> None:
    missed = Played(acts()[3], evening.began[1])
    hear(missed, [alert for alert in evening.alerts if alert.at_ms > evening.began[1]])

    assert not missed.caught
    assert "LatencyOverPromise on region=west" in missed.instead


def test_what_opened_before_an_act_does_not_count_for_it(evening: Any) -> None:
    late = Played(acts()[0], evening.began[0] + 10_000)
    hear(late, evening.alerts)

    assert not late.caught


def test_an_act_can_be_written_as_json(played: list[Played]) -> None:
    told = json.loads(json.dumps([one.told() for one in played]))

    assert [one["by"]["owner"] for one in told] == ["group:default/lending-risk"] * 3
    assert all(one["caught"] and one["after_events"] is not None for one in told)
