from dataclasses import replace

import pytest
from tests.runtime.doctor.cases import DAY, INGEST, NOW, OUTCOMES, PREDICTIONS, contract, facts, fixes, found, sample, seen, topic

from anchorwatch.runtime.doctor.facts import Topic
from anchorwatch.runtime.doctor.topics import look, rekeyed, retention


def test_missing_topics_of_ours_and_of_the_contract_have_different_remedies() -> None:
    gone = [Topic(name, trouble="Unknown topic or partition") for name in ("anchorwatch.findings", "payments.scored")]
    wanted = contract("source: {predictions: {topic: payments.scored}}\n")

    told = list(look(facts([wanted], topics={each.name: each for each in gone})))

    assert found(told) == [
        "no such topic: anchorwatch.findings",
        "prod/fraud: source topic payments.scored: unknown topic or partition",
    ]
    assert fixes(told) == ["anchorwatch topics create, or apply --create-topics", "correct `source:` in the contract, or make the topic"]


def test_unequal_counts_are_told_with_both_numbers() -> None:
    told = found(list(look(facts(topics={OUTCOMES: topic(OUTCOMES, partitions=6)}))))

    assert told == [f"{PREDICTIONS} has 4 partitions, {OUTCOMES} has 6 partitions: events that belong together would never meet"]


def test_a_changelog_with_another_count_is_told() -> None:
    name = f"{INGEST}-changelog"

    assert found(list(look(facts(topics={name: topic(name, partitions=2)})))) == [f"{name} has 2 partitions, its sources 4"]


def test_a_partition_without_a_leader_is_named() -> None:
    whole = topic(OUTCOMES)
    broken = replace(whole, partitions=(replace(whole.partitions[0], leader=-1), *whole.partitions[1:]))

    assert found(list(look(facts(topics={OUTCOMES: broken})))) == [f"without a leader: {OUTCOMES}-0"]


def test_a_reference_that_the_topic_does_not_hold_any_more_is_told_with_one_that_fits() -> None:
    wanted = contract("").model_copy(update={"reference": contract("").reference.model_copy(update={"last": 28 * DAY, "lag": 7 * DAY})})

    told = list(look(facts([wanted], applied={})))

    assert found(told) == [f"fraud: {PREDICTIONS} keeps 7 d, the reference wants 28d that ended 7d ago"]
    assert fixes(told)[0].startswith("reference: {last: 6d, lag: 1d}, or retention.ms=3024000000")
    assert found(list(look(facts([wanted])))) == []  # it has a reference already


def test_labels_that_come_after_the_predictions_are_gone_are_a_fault_and_late_ones_a_note() -> None:
    slow = contract("").labels.model_copy(
        update={"delay": contract("").labels.delay.model_copy(update={"typical": 8 * DAY, "late": 9 * DAY, "final": 9 * DAY})}
    )
    late = slow.model_copy(update={"delay": slow.delay.model_copy(update={"typical": DAY})})

    assert "labels typically come after 8d" in found(list(look(facts([contract("").model_copy(update={"labels": slow})]))))[0]
    assert "late labels come after 9d" in found(list(look(facts([contract("").model_copy(update={"labels": late})]))), "note")[0]


def test_a_backfill_under_create_time_is_a_fault_and_create_time_alone_a_note() -> None:
    own = topic(PREDICTIONS, message_timestamp_type="CreateTime")
    old = sample(PREDICTIONS, [seen(i, time_ms=NOW - 8 * DAY if i % 4 == 0 else NOW) for i in range(200)])

    backfill = list(look(facts(topics={PREDICTIONS: own}, samples=[old])))
    quiet = list(look(facts(topics={PREDICTIONS: own})))

    assert found(backfill) == [
        f"{PREDICTIONS}: 25% of the newest records are dated before its retention of 7 d: Kafka may delete them unread"
    ]
    assert found(quiet) == []
    assert "CreateTime" in found(quiet, "note")[0]
    assert "message.timestamp.type=LogAppendTime" in fixes(quiet, "note")[0]


@pytest.mark.parametrize(
    ("config", "ms"), [({"retention.ms": "-1"}, (1 << 63) - 1), ({"retention.ms": "60000"}, 60_000), ({}, (1 << 63) - 1)]
)
def test_retention_is_in_milliseconds_or_for_ever(config: dict[str, str], ms: int) -> None:
    assert retention(Topic("t", config=config)) == ms


def test_compaction_and_a_limit_of_bytes_are_noted() -> None:
    odd = topic(OUTCOMES, cleanup_policy="compact", retention_bytes="1000000")

    assert [told.partition(" ")[2][:12] for told in found(list(look(facts(topics={OUTCOMES: odd}))), "note")] == [
        "is compacted",
        "is cut at 1,",
    ]


def test_a_codec_that_this_build_lacks_is_told_before_the_first_record() -> None:
    packed = topic(PREDICTIONS, compression_type="zstd")

    assert found(list(look(facts(topics={PREDICTIONS: packed}, codecs=frozenset(("gzip",)))))) == [
        f"{PREDICTIONS} is compressed by zstd, which this build of librdkafka cannot read"
    ]


def test_settings_that_are_not_shown_are_unseen_not_fine() -> None:
    hidden = replace(topic(PREDICTIONS), config=None)

    told = list(look(facts(topics={PREDICTIONS: hidden})))

    assert found(told, "unseen") == [f"settings of {PREDICTIONS} are not shown to this user"]
    assert "retention" not in {each.check for each in told if each.mark == "fine"}


def test_rekeying_is_advised_only_where_this_version_can_do_it() -> None:
    from anchorwatch.contract import from_json, unsupported

    probe = {"contract": 1, "model": "m", "task": "regression", "source": {"outcomes": {"keyed": False}}}
    refused = bool(unsupported(from_json(probe, "t", owned=False)))

    assert bool(rekeyed("outcomes")) is not refused


def test_a_topic_of_siblings_that_is_not_there_is_told_with_who_names_it() -> None:
    gone = Topic("paid", trouble="Unknown topic or partition")
    told = list(look(facts([contract("promises: {alive: {siblings: [paid]}}\n")], topics={"paid": gone})))

    assert found(told) == ["prod/fraud: sibling topic paid: unknown topic or partition"]
    assert fixes(told) == ["correct `promises.alive.siblings`, or make the topic"]
