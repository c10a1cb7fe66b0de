from dataclasses import replace

from tests.runtime.doctor.cases import BROKER, INGEST, OUTCOMES, PREDICTIONS, contract, facts, found, topic

from anchorwatch.config import load
from anchorwatch.runtime.doctor.facts import Group, Topic
from anchorwatch.runtime.doctor.rights import look, needed


def test_a_missing_right_is_named_with_its_topic() -> None:
    poor = replace(topic("anchorwatch.observations"), rights=frozenset(("READ",)))

    assert found(list(look(facts(topics={poor.name: poor})))) == ["this user lacks WRITE on anchorwatch.observations"]


def test_hooks_write_flags() -> None:
    readable = replace(topic("anchorwatch.flags"), rights=frozenset(("READ",)))
    hooked = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "hooks.unleash.secret": "long enough"})

    assert found(list(look(facts(topics={readable.name: readable})))) == []
    assert found(list(look(facts(topics={readable.name: readable}, settings=hooked)))) == ["this user lacks WRITE on anchorwatch.flags"]


def test_a_topic_that_is_hidden_from_us_is_a_missing_right_not_a_missing_topic() -> None:
    hidden = Topic(OUTCOMES, trouble="Topic authorization failed")

    assert found(list(look(facts(topics={OUTCOMES: hidden})))) == [f"not for this user: {OUTCOMES}"]


def test_groups_and_transactions_that_are_refused_are_told() -> None:
    group = Group(INGEST, (PREDICTIONS,), trouble="Group authorization failed")

    told = found(list(look(facts(groups=(group,), transactions="authorization failed"))))

    assert told == [f"this user may not use the groups {INGEST}", "no transactions under anchorwatch.judge-: authorization failed"]


def test_an_empty_list_of_acls_is_no_proof_that_there_are_none() -> None:
    told = list(look(facts(acls=0, cluster_rights=frozenset(), broker_config=None)))

    assert found(told, "unseen") == ["ACLs: Kafka shows this user none, which is not the same as none"]


def test_a_kafka_without_authorizer_is_noted() -> None:
    told = list(look(facts(broker_config={**BROKER, "authorizer.class.name": ""}, acls=0)))

    assert found(told, "note")[0].startswith("Kafka has no authorizer")


def test_a_user_who_may_delete_the_sources_may_more_than_he_needs() -> None:
    mighty = replace(topic(PREDICTIONS), rights=frozenset(("READ", "WRITE", "DELETE", "ALTER")))

    assert found(list(look(facts(topics={PREDICTIONS: mighty}))), "note") == [f"this user may also delete and alter {PREDICTIONS}"]


def test_sources_are_only_read_and_changelogs_read_and_written() -> None:
    wanted = needed(facts())

    assert wanted[PREDICTIONS] == {"READ"}
    assert wanted[f"{INGEST}-changelog"] == {"READ", "WRITE"}


def test_what_is_written_anew_is_written_and_read_by_the_same_user() -> None:
    wanted = needed(facts([contract("source: {predictions: {keyed: false}}\n")]))

    assert wanted["anchorwatch.rekeyed.default.predictions"] == {"READ", "WRITE"}


def test_topics_of_siblings_are_only_read() -> None:
    assert needed(facts([contract("promises: {alive: {siblings: [paid]}}\n")]))["paid"] == {"READ"}
