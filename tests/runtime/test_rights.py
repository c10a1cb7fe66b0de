"""The table of rights; whether it suffices, and whether all of it is needed, is tried in tests/security."""

import pytest

from anchorwatch.config import load
from anchorwatch.contract import parse
from anchorwatch.engine.refusals import Right
from anchorwatch.runtime.rights import MEANING, ROLES, Role, rights

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p."})
OTHER = parse("{contract: 1, model: churn, task: regression, owner: {team: t}, source: {predictions: {topic: scored}}}", "test")


def of(role: Role, operation: str, kind: str = "topic") -> set[str]:
    found = rights(SETTINGS, role, SETTINGS.feeds([OTHER]), "billing")
    return {right.name for right in found if (right.operation, right.kind) == (operation, kind)}


def test_only_an_operator_and_what_learns_write_contracts_and_only_people_write_commands() -> None:
    writers = {topic: {role for role in ROLES if topic in of(role, "Write")} for topic in ("p.contracts", "p.commands")}

    assert writers == {"p.contracts": {"operator", "learner"}, "p.commands": {"ui"}}


def test_ingest_reads_the_topics_of_its_feeds_under_groups_of_its_own() -> None:
    assert of("ingest", "Read") == {"scored", "p.outcomes", "p.contracts", "p.ingest.scored-changelog"}
    assert of("ingest", "Read", "group") == {"p.ingest.scored"}


def test_judge_writes_flags_where_a_hook_is_on() -> None:
    hooked = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p.", "hooks.unleash.secret": "long enough"})
    wanted = Right("Write", "topic", "p.flags")

    assert wanted not in rights(SETTINGS, "judge", ())
    assert set(rights(hooked, "judge", ())) - set(rights(SETTINGS, "judge", ())) == {wanted}
    assert wanted not in rights(hooked, "ingest", hooked.feeds([OTHER]))


def test_a_service_cannot_read_what_others_predicted() -> None:
    assert of("client", "Read") == {"p.alerts.events"}
    assert of("client", "Write") == {f"p.{name}" for name in ("predictions", "outcomes", "decisions", "complaints", "flags")}
    assert of("client", "Read", "group") == {"billing"}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_told_in_words_and_no_right_twice(role: Role) -> None:
    found = rights(SETTINGS, role, SETTINGS.feeds([OTHER]), "billing")

    assert MEANING[role]
    assert len(set(found)) == len(found)


def test_a_right_is_granted_by_the_command_it_gives() -> None:
    right = Right("Write", "transactional-id", "p.judge-", prefixed=True)

    assert right.command("judge") == (
        "kafka-acls --add --allow-principal User:judge --operation Write --transactional-id p.judge- --resource-pattern-type prefixed"
    )


def test_topics_of_siblings_are_read_by_whoever_counts_or_learns_them() -> None:
    named = parse(
        "{contract: 1, model: churn, task: regression, owner: {team: t}, promises: {alive: {siblings: [paid, p.outcomes]}}}", "test"
    )
    feeds = SETTINGS.feeds([named])
    reads = {role for role in ROLES if Right("Read", "topic", "paid") in rights(SETTINGS, role, feeds, "billing")}

    assert reads == {"ingest", "learner", "operator"}
    assert Right("Describe", "topic", "paid") in rights(SETTINGS, "doctor", feeds)
    assert {Right("Read", "group", "p.siblings.paid"), Right("Write", "topic", "p.siblings.paid-changelog")} <= set(
        rights(SETTINGS, "ingest", feeds)
    )
    assert Right("Write", "topic", "paid") not in rights(SETTINGS, "operator", feeds)
