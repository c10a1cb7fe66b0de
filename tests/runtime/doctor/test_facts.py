import pytest
from tests.runtime.doctor.cases import PREDICTIONS, facts, topic

from anchorwatch.runtime.doctor.facts import Partition, Topic


def test_a_rate_is_of_the_hour_or_of_the_day_whichever_is_more() -> None:
    """4 partitions of 1,000 in the last hour; 4 of 86,400 in the last day."""
    day = Topic(PREDICTIONS, (Partition(1, 3, 3, 0, 87_400, 87_400, 86_400, 0),) * 4)

    assert facts().per_second(PREDICTIONS) == pytest.approx(4_000 / 3_600)
    assert facts(topics={PREDICTIONS: day}).per_second(PREDICTIONS) == pytest.approx(4 * 87_400 / 86_400)


def test_a_partition_without_anything_new_counts_nothing() -> None:
    """Kafka answers -1 where no record is as young."""
    assert Topic("t", (Partition(1, 3, 3, 0, 50, 50, -1, -1),)).since("hour_ago") == 0


def test_what_was_not_asked_about_is_not_nothing() -> None:
    assert facts().topic("elsewhere").trouble == "not looked at"
    assert topic("t").trouble == ""
