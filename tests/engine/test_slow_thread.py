"""Kafka's thread may be at a slow cut, or Kafka away: time goes on meanwhile, but nobody knows whether a topic is still at its end."""

from tests.engine.test_task import Notebook, run, task

from anchorwatch.engine.task import LOOKED_MS_MAX


def test_a_topic_at_its_end_counts_as_such_only_as_long_as_somebody_looks() -> None:
    stage = Notebook()
    one = task(stage, p=0)
    one.at_end("p", 0, 0)
    began = one.looked_ms["p"]
    for later in (0, LOOKED_MS_MAX, LOOKED_MS_MAX + 1):
        one.tick(began + later)
    one.looked_ms["p"] += LOOKED_MS_MAX
    one.tick(one.looked_ms["p"])

    assert stage.told == [{"p"}, {"p"}, frozenset(), {"p"}]


def test_rows_that_came_during_a_slow_cut_are_taken_before_time_goes_on() -> None:
    stage = Notebook()
    one = task(stage, p=0)
    one.at_end("p", 0, 0)
    one.tick(one.looked_ms["p"] + 3_000)
    one.add("p", run((0, 1)), end=1)
    one.looked_ms["p"] += 3_000
    one.tick(one.looked_ms["p"])

    assert stage.told == [frozenset(), frozenset()]


def test_a_topic_that_nobody_knows_of_does_not_hold_up_its_sibling() -> None:
    stage = Notebook()
    one = task(stage, p=0, o=0)
    one.at_end("p", 0, 0)
    one.at_end("o", 0, 0)
    one.looked_ms["o"] += 5_000
    one.tick(one.looked_ms["o"])

    assert stage.told == [{"o"}]
