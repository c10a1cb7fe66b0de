from dataclasses import replace

from tests.runtime.doctor.cases import BROKER, OUTCOMES, PREDICTIONS, facts, fixes, found, topic

from anchorwatch.runtime.doctor.copies import look
from anchorwatch.runtime.doctor.facts import Topic


def copied(name: str, replicas: int, in_sync: int | None = None, *, min_isr: str = "2") -> Topic:
    made = topic(name, min_insync_replicas=min_isr)
    part = replace(made.partitions[0], replicas=replicas, in_sync=replicas if in_sync is None else in_sync)
    return replace(made, partitions=(part,) * 4)


def test_one_copy_among_three_brokers_is_a_fault() -> None:
    assert found(list(look(facts(topics={OUTCOMES: copied(OUTCOMES, 1)})))) == [f"one copy only: {OUTCOMES}"]


def test_min_insync_replicas_may_be_too_low_or_too_high() -> None:
    low, high = copied(OUTCOMES, 3, min_isr="1"), copied(PREDICTIONS, 3, min_isr="3")

    told = found(list(look(facts(topics={OUTCOMES: low, PREDICTIONS: high}))))

    assert told == [
        f"min.insync.replicas 1: {OUTCOMES}: a record that was acknowledged can be lost with one broker",
        f"min.insync.replicas equals the copies: {PREDICTIONS}: one broker down stops every write",
    ]


def test_an_unclean_election_is_a_fault() -> None:
    torn = topic(PREDICTIONS, unclean_leader_election_enable="true")

    assert found(list(look(facts(topics={PREDICTIONS: torn})))) == [
        f"unclean.leader.election.enable: {PREDICTIONS}: a copy that lags may win and cut the log"
    ]


def test_kafkas_own_logs_are_looked_at_also_before_their_first_use() -> None:
    """Without `__transaction_state` the brokers' settings say what it will be."""
    unborn = Topic("__transaction_state", trouble="Unknown topic or partition")
    weak = {**BROKER, "transaction.state.log.replication.factor": "1"}

    told = list(look(facts(topics={unborn.name: unborn}, broker_config=weak)))
    born = list(look(facts(topics={"__transaction_state": copied("__transaction_state", 3, min_isr="1")})))

    assert found(told) == ["__transaction_state has 1 copy: with its broker every commit stops"]
    assert found(born) == ["__transaction_state: min.isr 1: a commit that was acknowledged can be lost"]
    assert fixes(born) == ["transaction.state.log.min.isr=2"]


def test_a_copy_that_lags_is_named() -> None:
    assert found(list(look(facts(topics={OUTCOMES: copied(OUTCOMES, 3, in_sync=2)}))))[-1].startswith(f"copies behind: {OUTCOMES}-0")


def test_a_single_broker_is_a_note_not_twenty_faults() -> None:
    alone = {OUTCOMES: copied(OUTCOMES, 1), PREDICTIONS: copied(PREDICTIONS, 1)}

    told = list(look(facts(topics=alone, brokers=1)))

    assert found(told) == []
    assert found(told, "note") == ["1 broker: its loss stops everything, and what was not on its disk is gone"]


def test_offsets_that_are_forgotten_after_a_day_are_a_fault() -> None:
    assert found(list(look(facts(broker_config={**BROKER, "offsets.retention.minutes": "1440"}))))[0].startswith(
        "offsets.retention.minutes: a group"
    )


def test_hidden_settings_of_brokers_are_unseen() -> None:
    assert found(list(look(facts(broker_config=None))), "unseen") == [
        "settings of Kafka's own logs (offsets, transactions) are not shown to this user"
    ]
