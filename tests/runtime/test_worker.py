"""Its parts; a whole one runs in test_supervise.py and test_child.py."""

from collections.abc import Callable

import pytest
from tests.runtime.installation import Installation

from anchorwatch.config import load
from anchorwatch.errors import TopicsMismatch
from anchorwatch.runtime.job import of_settings
from anchorwatch.runtime.worker import ingest_settings, judge_settings, partitions

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p.", "window": "2s", "clock": "events"})


def test_stages_are_told_the_settings_in_force() -> None:
    ingest = ingest_settings(of_settings(SETTINGS, [], SETTINGS.feeds([])[0]), 3, frozenset({"prod/fraud"}))
    judge = judge_settings(of_settings(SETTINGS, [], None), 4)

    assert (ingest.feed, ingest.observations, ingest.observation_partitions, ingest.window_ms) == ("default", "p.observations", 3, 2_000)
    assert (ingest.wall, ingest.models, ingest.dead_letters) == (False, frozenset({"prod/fraud"}), "p.dead-letters")
    assert (judge.findings, judge.alerts_state, judge.partitions, judge.window_ms) == ("p.findings", "p.alerts.state", 4, 2_000)


def test_a_stage_asks_how_many_partitions_it_writes_to(installation: Callable[..., Installation]) -> None:
    there = installation()
    job = of_settings(load(there.folder / "anchorwatch.yaml", {}), [], None)
    with pytest.raises(TopicsMismatch, match="topics create"):
        partitions(job)
    there.create()

    assert partitions(job) == {"findings": 2, "alerts.events": 2, "alerts.state": 2}
