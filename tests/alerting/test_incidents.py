"""One cause, one incident; the headline is what explains."""

import doctest
from collections.abc import Callable
from typing import Any

import pytest

from anchorwatch.alerting import incidents as module
from anchorwatch.alerting.incidents import headline, in_order, place, story
from anchorwatch.alerting.kept import CAUSES_MAX, Incident, Kept, plain_signal
from anchorwatch.alerting.signal import Signal

T0 = 1_795_338_720_000
MINUTE = 60_000
Member = Callable[..., Kept]


@pytest.fixture
def member(signal: Callable[..., Signal]) -> Member:
    def make(**changes: Any) -> Kept:
        said = plain_signal(signal(**changes))
        return Kept(
            said.dedup_key("prod", "fraud"), "id", said.name, "firing", said.severity, said.harm, (T0, T0), said.since_ms, said.onset, said
        )

    return make


def at(minute: int, around: int = 1) -> dict[str, Any]:
    since = T0 + minute * MINUTE
    return {"since_ms": since, "onset": (since - around * MINUTE, since + around * MINUTE)}


def placed(members: list[Kept]) -> dict[str, Incident]:
    open_ones: dict[str, Incident] = {}
    for i, kept in enumerate(members):
        place(kept, open_ones, (T0 + i * 10_000, T0 + (i + 1) * 10_000), "prod/fraud")
    return open_ones


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module).failed == 0


def test_overlapping_onsets_are_one_incident(member: Member) -> None:
    members = [member(segment=f"country={name}", **at(i % 2)) for i, name in enumerate("ABCDEFGHIJ")]

    assert len(placed(members)) == 1
    assert len({kept.incident for kept in members}) == 1


def test_a_second_fault_with_another_onset_is_another_incident(member: Member) -> None:
    first, second = member(**at(0)), member(watch="latency", **at(30))

    assert len(placed([first, second])) == 2
    assert first.incident != second.incident


def test_an_exact_finding_joins_what_began_with_it(member: Member) -> None:
    """A flag was switched off; its instant lies inside the span of the quality drop."""
    assert (
        len(placed([member(**at(0)), member(watch="alive", verdict="exact", since_ms=T0 + 50_000, onset=(T0 + 50_000, T0 + 50_000))])) == 1
    )


def test_exact_findings_of_one_roll_out_are_one_incident(member: Member) -> None:
    """Four pods, half a minute apart: instants do not overlap, two windows around them do."""
    pods = [
        member(watch="inputs", subject=f"f{i}", verdict="exact", since_ms=T0 + i * 30_000, onset=(T0 + i * 30_000,) * 2) for i in range(4)
    ]

    assert len(placed(pods)) == 1


def test_a_chain_of_overlaps_does_not_make_a_week_one_incident(member: Member) -> None:
    chain = [member(segment=f"s={i}", **at(i * 60, around=40)) for i in range(7 * 24)]

    assert len(placed(chain)) >= 7


def test_between_two_open_incidents_the_nearer_one_is_joined(member: Member) -> None:
    first, second, third = member(**at(0)), member(watch="latency", **at(10)), member(segment="s=1", **at(8, around=8))
    placed([first, second, third])

    assert third.incident == second.incident


def test_ids_depend_on_windows_and_keys_alone(member: Member) -> None:
    one, other = [member(segment=f"s={i}", **at(0)) for i in range(3)], [member(segment=f"s={i}", **at(0)) for i in range(3)]

    assert list(placed(one)) == list(placed(other))


def test_the_segment_that_explains_the_whole_is_the_headline(member: Member) -> None:
    whole, german = member(), member(segment="country=DE", evidence={"explains_whole": True})
    gold = member(segment="country=DE,tier=gold", severity="warning", evidence={"explains_whole": True})

    assert headline([whole, german]) is german
    assert headline([whole, german, gold]) is gold


def test_where_no_segment_explains_the_whole_is_the_headline(member: Member) -> None:
    assert headline([member(segment="country=DE"), member(), member(segment="country=FR")]).words.segment == "whole"


def test_harm_comes_before_its_causes(member: Member) -> None:
    assert headline([member(watch="inputs", harm=False, severity="critical"), member(severity="warning")]).harm


def test_of_causes_an_exact_rule_is_the_headline(member: Member) -> None:
    """A renamed field is missing, too; in the window in which it began statistics spoke first."""
    missing = member(watch="inputs", subject="amount.missing", name="InputMissing", harm=False, severity="warning", **at(0))
    renamed = member(
        watch="inputs", subject="amount", name="InputRenamed", harm=False, severity="warning", evidence={"detector": "rule"}, **at(1)
    )

    assert headline([missing, renamed]) is renamed


def test_an_open_member_is_the_headline_before_a_resolved_one(member: Member) -> None:
    over, still = member(), member(segment="country=DE", severity="warning")
    over.state = "resolved"

    assert headline([over, still]) is still


def test_a_cause_that_may_be_older_than_the_harm_is_named(member: Member) -> None:
    harm = member(**at(5))
    older = member(watch="inputs", subject="amount", name="InputMissing", harm=False, severity="warning", **at(4))
    later = member(watch="inputs", subject="country", name="InputShifted", harm=False, severity="warning", **at(9))
    told = story([harm, older, later])

    assert [cause["key"] for cause in told.causes] == [older.key]
    assert told.causes[0]["state"] == "InputMissing"
    assert (
        told.sentence
        == f"f1 is 0.61 (was 0.74). 2 more alerts of the same time belong to it. Probable cause: finding {older.key} InputMissing."
    )


def test_a_deploy_that_the_judge_names_comes_first(member: Member) -> None:
    deploy = {"kind": "deploy", "key": "fraud", "state": "4", "at_ms": T0, "actor": "ci"}
    told = story([member(caused_by=[deploy]), member(segment="country=DE", caused_by=[deploy])])

    assert told.causes == [deploy]
    assert told.sentence.endswith("Probable cause: deploy fraud 4 by ci.")


def test_causes_are_bounded(member: Member) -> None:
    causes = [member(watch="inputs", subject=f"f{i}", harm=False, **at(-1)) for i in range(100)]

    assert len(story([member(), *causes]).causes) == CAUSES_MAX


def test_order_does_not_depend_on_arrival(member: Member) -> None:
    members = [member(segment=f"s={i}", severity=severity) for i in range(5) for severity in ("warning", "critical")]

    assert in_order(members) == in_order(members[::-1])
