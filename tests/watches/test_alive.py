import pytest
from tests.traffic import LOAN, flag_change
from tests.watches.seeing import facts, layout, seen

from anchorwatch.watches.alive import WATCH, AliveRule, silent_after_ms
from anchorwatch.watches.rules import Exact


def names(found: list[Exact]) -> list[tuple[str, bool]]:
    return [(each.name, each.open) for each in found]


def rule() -> AliveRule:
    return AliveRule(layout())


def test_silence_begins_with_the_last_prediction_and_ends_with_the_next() -> None:
    alive = rule()

    story = [alive.window(facts(second, last_ms=last)) for second, last in ((3, 900), (5, 900), (6, 900), (7, 7_500))]

    assert [names(found) for found in story] == [[], [("ModelDark", True)], [], [("ModelDark", False)]]
    assert story[1][0].since_ms == 900
    assert story[1][0].summary == "loan is dark: no prediction for 5.1 s, without any flag change."


def test_a_second_silence_within_a_day_wakes_after_three_times_the_promise_an_hour_at_most() -> None:
    hours = layout(LOAN.replace("silent_after: 5s", "silent_after: 8h"))
    told = [AliveRule(of).window(facts(30_000, last_ms=900)) for of in (layout(), hours)]

    assert [each.patience_ms for found in told for each in found] == [15_000, 3_600_000]


def test_a_model_that_never_spoke_is_not_dark() -> None:
    assert rule().window(facts(1_000)) == []


def test_patience_is_promised_or_three_gaps_of_the_reference_but_a_minute_at_least() -> None:
    silent = LOAN.replace(", alive: {silent_after: 5s}", "")

    assert [silent_after_ms(of) for of in (layout(), layout(silent), layout(silent, learning=True))] == [5_000, 60_000, None]


def test_off_and_on_are_told_with_actor_and_reason() -> None:
    alive, off, on = rule(), flag_change(1_500, "off", actor="ann", reason="too slow"), flag_change(4_500, "on", actor="bob")

    told = alive.window(facts(1, last_ms=900, flags=[off])) + alive.window(facts(4, last_ms=900, flags=[off, on]))

    assert [each.summary for each in told] == [
        "loan was switched off: flag 'loan-on' went to off by ann (too slow).",
        "loan is on again: flag 'loan-on' went to on by bob.",
    ]
    assert (told[0].severity, told[0].harm, told[0].since_ms) == ("critical", True, 1_500)


def test_an_announced_end_is_news_and_no_harm() -> None:
    [told] = rule().window(facts(1, flags=[flag_change(1_500, "off", announced=True)]))

    assert (told.name, told.severity, told.harm) == ("ModelRetired", "info", False)


def test_while_it_is_off_it_is_not_dark_and_silence_begins_anew_when_it_is_on() -> None:
    alive, flags = rule(), [flag_change(1_000, "off"), flag_change(60_000, "on")]
    alive.window(facts(1, last_ms=900, flags=flags[:1]))

    story = [names(alive.window(facts(second, last_ms=900, flags=flags[:known]))) for second, known in ((30, 1), (60, 2), (63, 2), (65, 2))]

    assert story == [[], [("ModelSwitchedOff", False)], [], [("ModelDark", True)]]


def test_a_dark_model_that_turns_out_to_be_switched_off_is_dark_no_more() -> None:
    alive = rule()
    alive.window(facts(9, last_ms=900))

    found = alive.window(facts(10, last_ms=900, flags=[flag_change(2_000, "off")]))

    assert names(found) == [("ModelSwitchedOff", True), ("ModelDark", False)]


def test_an_older_change_of_another_flag_is_still_news() -> None:
    alive = rule()
    deploy = flag_change(5_000, "4", key="version", kind="deploy", models=["loan"])
    alive.window(facts(5, flags=[deploy]))

    assert names(alive.window(facts(6, flags=[flag_change(4_000, "off"), deploy]))) == [("ModelSwitchedOff", True)]


def test_an_older_change_of_the_same_flag_is_history() -> None:
    alive = rule()
    alive.window(facts(5, flags=[flag_change(5_000, "on")]))

    assert alive.window(facts(6, flags=[flag_change(4_000, "off"), flag_change(5_000, "on")])) == []


def test_of_two_flags_that_are_off_both_must_go_on() -> None:
    alive = rule()
    off = [flag_change(1_000, "off"), flag_change(1_000, "off", key="other", models=["loan"])]
    first_on, second_on = flag_change(2_000, "on"), flag_change(3_000, "on", key="other", models=["loan"])

    story = [names(alive.window(facts(i, flags=[*off, *on]))) for i, on in enumerate(([], [first_on], [first_on, second_on]), 1)]

    assert story == [[("ModelSwitchedOff", True)], [], [("ModelSwitchedOff", False)]]


def test_evaluations_that_all_end_in_the_default_are_a_switch_off() -> None:
    alive = rule()
    alive.window(facts(1, reasons={"targeting_match": 50}))

    story = [
        alive.window(facts(second, reasons=reasons)) for second, reasons in enumerate(({"default": 20}, {"default": 20}, {"split": 9}), 2)
    ]

    assert [names(found) for found in story] == [[], [("ModelSwitchedOff", True)], [("ModelSwitchedOff", False)]]
    assert story[1][0].summary == "loan is switched off in effect: its flag evaluations end in 'default', without any flag change."
    assert story[1][0].caused_by == ()


@pytest.mark.parametrize("reasons", [{"default": 500}, {"targeting_match": 30, "default": 470}])
def test_evaluations_that_never_chose_or_still_choose_are_no_switch_off(reasons: dict[str, int]) -> None:
    alive = rule()

    assert [alive.window(facts(second, reasons=reasons)) for second in range(3)] == [[], [], []]


def test_a_restored_rule_does_not_tell_twice() -> None:
    alive, twin, off = rule(), rule(), flag_change(1_500, "off")
    alive.window(facts(1, last_ms=900, flags=[off], reasons={"x": 40}))

    twin.restore(alive.snapshot())

    assert twin.window(facts(9, last_ms=900, flags=[off])) == []
    assert (twin.holds(), twin.chose) == ({"flag"}, 30)


def test_a_sentence_for_silent_spells() -> None:
    told = WATCH.explain(seen("traffic", label="12", current=0.8, n=5))

    assert told.name == "ModelDark"
    assert told.summary == "In 4 of the last 5 spells no prediction came, though each usually brings 12 at this hour of the week."
