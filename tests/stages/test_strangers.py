from typing import Any

from tests.traffic import loan_applied

from anchorwatch.events import Alert
from anchorwatch.stages import strangers
from anchorwatch.stages.model_judge import JudgeSettings
from anchorwatch.stages.registry import Registry
from anchorwatch.stages.strangers import Strangers

SETTINGS = JudgeSettings("findings", "alerts.events", "alerts.state", 1, fallback_owner="platform")


def told(watch: Strangers, second: int, tallies: dict[str, dict[str, int]], registry: Registry | None = None) -> list[Alert]:
    window = (second * 1_000, second * 1_000 + 1_000)
    return [a for judged in watch.window("default", window, tallies, registry or Registry(1_000), window[1]) for a in judged.alerts]


def names(alerts: list[Alert]) -> list[tuple[str, str, str]]:
    return [(a.labels["alertname"], a.labels["model"], a.state) for a in alerts]


def test_predictions_without_a_contract_are_told_once_to_the_fallback_owner() -> None:
    watch = Strangers(SETTINGS)

    first, again = (told(watch, second, {"prod/ghost": {"no_contract": 3}}) for second in (1, 2))

    assert (names(first), again) == ([("NoOwner", "ghost", "firing")], [])
    assert first[0].owner["team"] == "platform"
    assert first[0].labels["environment"] == "prod"


def test_a_contract_with_an_owner_ends_it() -> None:
    watch, registry = Strangers(SETTINGS), Registry(1_000)
    told(watch, 1, {"prod/loan": {"no_contract": 3}}, registry)
    registry.apply(loan_applied())

    assert names(told(watch, 2, {}, registry)) == [("NoOwner", "loan", "resolved")]


def test_a_contract_without_an_owner_is_told_as_well() -> None:
    watch, registry, orphan = Strangers(SETTINGS), Registry(1_000), loan_applied()
    orphan.contract["owner"] = {}
    registry.apply(orphan)

    assert names(told(watch, 1, {"prod/loan": {"outcome.joined": 1}}, registry)) == [("NoOwner", "loan", "firing")]


def test_names_beyond_the_bound_are_counted_only() -> None:
    watch = Strangers(SETTINGS)

    found = told(watch, 1, {f"prod/m{i:04}": {"no_contract": 1} for i in range(strangers.STRANGERS_MAX + 50)})

    assert len(found) == strangers.STRANGERS_MAX


def test_models_counted_together_have_no_name_to_tell() -> None:
    assert told(Strangers(SETTINGS), 1, {"": {"no_contract": 50}}) == []


def refused(read: int, bad: int) -> dict[str, dict[str, int]]:
    return {"": {"read.predictions": read, "refused.malformed": bad}}


def test_more_than_half_unreadable_of_a_hundred_is_one_alert_that_ends_with_a_better_minute() -> None:
    watch = Strangers(SETTINGS)
    story = [told(watch, second, tallies) for second, tallies in ((1, refused(90, 90)), (2, refused(20, 20)), (3, refused(50, 50)))]

    later = told(watch, 61, refused(200, 10))

    assert [names(found) for found in story] == [[], [("CannotDecode", "default", "firing")], []]
    assert "110 malformed" in story[1][0].annotations["summary"] or "20 malformed" in story[1][0].annotations["summary"]
    assert names(later) == [("CannotDecode", "default", "resolved")]


def test_what_cannot_be_read_again_within_a_day_wakes_when_it_lasts() -> None:
    watch = Strangers(SETTINGS)
    minutes = [refused(200, 150), refused(200, 10), refused(200, 150), *[refused(200, 150)] * 10]

    story = [(minute, a.state, a.loud) for minute, tallies in enumerate(minutes) for a in told(watch, 60 * minute, tallies)]

    assert story == [(0, "firing", True), (1, "resolved", False), (2, "firing", False), (12, "firing", True)]


def test_a_restored_twin_does_not_tell_again() -> None:
    watch, twin = Strangers(SETTINGS), Strangers(SETTINGS)
    told(watch, 1, {"prod/ghost": {"no_contract": 3}, **refused(150, 150)})

    kept: dict[str, Any] = watch.snapshot()
    twin.restore(kept)

    assert told(twin, 2, {"prod/ghost": {"no_contract": 3}, **refused(10, 10)}) == []
    assert names(told(twin, 70, refused(200, 0))) == [("CannotDecode", "default", "resolved")]
