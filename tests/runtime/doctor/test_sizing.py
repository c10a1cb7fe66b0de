import re
from pathlib import Path

import pytest
from tests.runtime.doctor.cases import DAY, PREDICTIONS, contract, facts, fixes, found, settings, topic

from anchorwatch.contract import Contract
from anchorwatch.runtime.doctor import sizing

README = Path(__file__).parents[3] / "README.md"


def waiting(days: int) -> Contract:
    made = contract()
    delay = made.labels.delay.model_copy(update={"final": days * DAY})
    return made.model_copy(update={"labels": made.labels.model_copy(update={"delay": delay})})


def test_the_figures_are_those_of_the_readme() -> None:
    """A benchmark that finds others changes both."""
    text = README.read_text("utf-8")

    assert re.search(rf"\| [\d.]+ us: {sizing.US_INGEST} ingest, {sizing.US_JUDGE} judge \|", text)
    assert (
        f"{sizing.WAITING_COUNTED} bytes counted, {sizing.WAITING_BYTES} by the growth of the process, {sizing.RESTORED_BYTES} while"
        in text
    )


def test_cores_memory_and_bytes_follow_from_the_rate() -> None:
    """9,000 an hour and partition are 10 a second over four tasks; a day of them waits."""
    size = sizing.of_feed(facts([waiting(1)], topics={PREDICTIONS: topic(PREDICTIONS, each=9_000)}), facts([waiting(1)]).feeds[0])

    assert size is not None
    assert size.per_second == pytest.approx(10)
    assert size.cores == pytest.approx(10 * 12.6e-6 / 0.5)
    assert size.waiting == pytest.approx(864_000)
    assert size.waiting_bytes == pytest.approx(864_000 * 106)


def test_the_memory_of_a_restart_is_told_beside_that_of_a_worker_at_rest() -> None:
    """Two processes of 150 MB; a million predictions of 106 bytes, 200 while chunks and tables are both there."""
    size = sizing.Size(10, 4, 0.1, 1e6, 106e6, 0, 0)

    assert "406 MB of memory (1,000,000 predictions wait; 500 MB while a restart restores them)" in sizing.told("default", size)


def test_between_two_measured_rates_bytes_lie_between_them_and_beyond_they_grow_with_the_rate() -> None:
    at = [sizing._at(rate, sizing.CHANGELOG) for rate in (1, 3, 10, 2_000)]

    assert at[0] == pytest.approx(sizing.CHANGELOG[0])
    assert at[0] < at[1] < at[2]
    assert at[3] == pytest.approx(2 * sizing.CHANGELOG[3])


def test_a_join_that_does_not_fit_is_told_with_the_delay_that_does() -> None:
    """100 a second for 60 days are 518 million predictions, 10 GB for each of four tasks; 512 MB cover three days."""
    crowded = facts([waiting(60)], topics={PREDICTIONS: topic(PREDICTIONS, each=90_000)})

    told = list(sizing.look(crowded))

    assert found(told) == ["default: 518,400,000 predictions wait up to 60d, 10.2 GB a task; join.pending.max 512 MB covers 3 d"]
    assert fixes(told) == ["join: {pending: {max: 10239MB}} where the memory is there, or labels.delay.final: 3d"]
    assert found(list(sizing.look(facts([waiting(60)], topics=crowded.topics, settings=settings(join__pending__max="11GB"))))) == []


def test_a_topic_without_traffic_has_no_size() -> None:
    assert list(sizing.look(facts(topics={PREDICTIONS: topic(PREDICTIONS, each=0)}))) == []
