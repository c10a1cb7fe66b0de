from dataclasses import replace
from typing import Any

import pytest
from tests.runtime.doctor.cases import INGEST, NOW, OUTCOMES, PREDICTIONS, facts, fixes, found, settings, topic

from anchorwatch.runtime.doctor.facts import Group, Held, Member
from anchorwatch.runtime.doctor.told import Told
from anchorwatch.runtime.doctor.workers import look


def group(committed: int = 1_000, *members: Member, **changes: Any) -> Group:
    offsets = {name: dict.fromkeys(range(4), committed) for name in (PREDICTIONS, OUTCOMES)}
    return replace(Group(INGEST, (PREDICTIONS, OUTCOMES), offsets, members), **changes)


def told(one: Group, **changes: Any) -> list[Told]:
    return list(look(facts(groups=(one,), **changes)))


ALONE = Member("0", "10.0.0.1", "0")


def test_a_group_that_keeps_up_is_fine_and_one_that_never_ran_is_not_mentioned() -> None:
    assert [each.what for each in told(group(1_000, ALONE))] == [f"{INGEST} keeps up"]
    assert told(group(-1)) == []


def test_a_backlog_is_told_by_topic_with_what_to_do() -> None:
    """8,000 records an hour are 2.2 a second: five minutes of them are 667."""
    working, stopped = told(group(0, ALONE)), told(group(0))

    assert found(working) == [f"{INGEST} is behind: {PREDICTIONS} 4,000, {OUTCOMES} 4,000"]
    assert fixes(working) == ["more workers or cores; the sizing below says how many"]
    assert found(stopped)[0].startswith(f"{INGEST} is behind and has no worker")
    assert fixes(stopped) == ["start it: anchorwatch run"]


def test_what_was_deleted_before_it_was_read_is_said() -> None:
    whole = topic(PREDICTIONS)
    cut = replace(whole, partitions=tuple(replace(part, low=900) for part in whole.partitions))

    assert f"{INGEST}: deleted before it was read: {PREDICTIONS}-0" in found(told(group(800, ALONE), topics={PREDICTIONS: cut}))[0]


def test_two_workers_of_one_name_are_a_fault() -> None:
    twins = group(1_000, ALONE, Member("0", "10.0.0.2", "0"))

    assert found(told(twins)) == [f"{INGEST}: several workers are called 0: they throw each other out"]


def test_more_workers_than_partitions_are_noted() -> None:
    crowd = group(1_000, *(Member(str(i), f"10.0.0.{i}", str(i)) for i in range(6)))

    assert found(told(crowd), "note") == [f"{INGEST} has 6 workers for 4 partitions: 2 have nothing to do"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("watch-7d9c6b5f4d-x2k9p", "a pod of a Deployment"),
        ("3f2a1b0c9d8e", "a container's id"),
        ("0d5a3f0e-8c1b-4f6e-9a55-1b2c3d4e5f60", "a random id"),
    ],
)
def test_a_name_that_changes_at_each_restart_is_a_fault(name: str, kind: str) -> None:
    assert found(told(group(1_000, ALONE), settings=settings(instance=name)))[0].startswith(f"instance {name} looks like {kind}")


@pytest.mark.parametrize("name", ["0", "anchorwatch-ingest-2", "worker-a"])
def test_a_name_that_is_kept_is_fine(name: str) -> None:
    assert found(told(group(1_000, ALONE), settings=settings(instance=name))) == []


def test_members_that_are_not_shown_are_unseen() -> None:
    assert found(told(group(1_000, members=None)), "unseen") == [f"workers of {INGEST} are not shown to this user"]


def test_a_transaction_that_is_open_for_long_is_a_fault_and_a_young_one_is_life() -> None:
    old, young = (Held(PREDICTIONS, 3, 88, 12, NOW - ms) for ms in (120_000, 2_000))

    assert found(told(group(1_000, ALONE), held=(old,))) == [f"{PREDICTIONS}-3: an open transaction holds 12 records from 88 on, for 2 min"]
    assert found(told(group(1_000, ALONE), held=(young,))) == []
