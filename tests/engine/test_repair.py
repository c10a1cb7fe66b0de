"""A person's two ways on when state and offsets differ."""

from collections.abc import Iterator

import pytest
from tests.engine.chain import Chain, delete
from tests.engine.conftest import Kafka
from tests.engine.test_store import Past

from anchorwatch.engine.repair import adopt, restart, show
from anchorwatch.errors import StateRefused


@pytest.fixture
def past(kafka: Kafka, topic_prefix: str) -> Iterator[Past]:
    past = Past(dict(kafka.client), topic_prefix)
    past.cut("w 1", 4, 6, a=b"1", b=b"2")
    yield past
    delete(past.client, topic_prefix)


def test_what_state_and_group_say_is_shown(past: Past) -> None:
    found = show(past.client, past.group, past.sources)[0]

    assert (found.head.stamp, found.agrees, sorted(found.chunks)) == ("w 1", True, [b"a", b"b"])


def test_a_group_adopts_where_its_state_stands(past: Past) -> None:
    past.reset(0, 0)
    changed = adopt(past.client, past.group, past.sources)

    assert [found.task for found in changed] == [0]
    assert past.restore() == ({b"a": b"1", b"b": b"2"}, [4, 6], "w 1", None)


def test_a_group_restarts_empty_at_the_committed_offsets(past: Past) -> None:
    past.reset(5, 60)  # 60 lies behind the end: from the beginning then
    changed = restart(past.client, past.group, past.sources)

    assert [found.task for found in changed] == [0]
    assert past.restore() == ({}, [5, 0], "", None)
    assert restart(past.client, past.group, past.sources) == []


def test_a_group_with_living_workers_is_left_alone(chain: Chain) -> None:
    worker = chain.start("join")
    worker.until(lambda: worker.status.get("ready"))

    with pytest.raises(StateRefused, match=r"join has living workers \(a\); stop them first"):
        adopt(chain.client, f"{chain.prefix}join", [f"{chain.prefix}predictions"])
