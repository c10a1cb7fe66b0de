"""Its parts; a whole one runs in test_supervise.py and test_child.py."""

from collections.abc import Callable

import pytest
from tests.runtime.installation import Installation

from anchorwatch.config import load
from anchorwatch.errors import StateRefused, TopicsMismatch
from anchorwatch.runtime.control import Controls
from anchorwatch.runtime.job import of_settings
from anchorwatch.runtime.roster import Roster
from anchorwatch.runtime.worker import Worker, ingest_settings, judge_settings, partitions
from anchorwatch.state import pack, parts

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p.", "window": "2s", "clock": "events"})


def test_stages_are_told_the_settings_in_force() -> None:
    ingest = ingest_settings(of_settings(SETTINGS, [], SETTINGS.feeds([])[0]), 3, frozenset({"prod/fraud"}))
    judge = judge_settings(of_settings(SETTINGS, [], None), 4)

    assert (ingest.feed, ingest.observations, ingest.observation_partitions, ingest.window_ms) == ("default", "p.observations", 3, 2_000)
    assert (ingest.wall, ingest.models, ingest.dead_letters) == (False, frozenset({"prod/fraud"}), "p.dead-letters")
    assert (judge.findings, judge.alerts_state, judge.partitions, judge.window_ms) == ("p.findings", "p.alerts.state", 4, 2_000)


@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        (
            {b"meta#0": parts("meta", pack("ingest.meta", 99, {}))[b"meta#0"]},
            "version 99, this program reads up to .*: run the newer Anchorwatch",
        ),
        ({b"meta#0": parts("meta", b"AWc1" + bytes(90))[b"meta#0"]}, "checksum .*`anchorwatch state restart`"),
        (
            {b"meta#0": parts("meta", pack("ingest.meta", 1, {}))[b"meta#0"]},
            "state of 1 chunks cannot be read .*`anchorwatch state restart`",
        ),
        ({b"\xff": b"x"}, "does something else write to the changelog"),
    ],
    ids=["newer", "damaged", "without what it must hold", "foreign"],
)
def test_state_that_cannot_be_read_needs_a_person_and_says_what_to_do(chunks: dict[bytes, bytes], says: str) -> None:
    """Exit 2: the same chunks would wait after any restart."""
    worker = Worker.__new__(Worker)  # its app needs a Kafka, and begins nothing
    worker.job = of_settings(SETTINGS, [], SETTINGS.feeds([])[0])
    worker.roster = Roster(SETTINGS.topic, SETTINGS.window, [])
    worker.controls = Controls(worker.job, worker.roster)
    worker.partitions, worker.schemas = {"observations": 2}, None
    with pytest.raises(StateRefused, match=f"^p.ingest.default, task 3: .*{says}") as refused:
        worker.begin(3, 12, chunks)

    assert refused.value.exit_code == 2


def test_a_stage_asks_how_many_partitions_it_writes_to(installation: Callable[..., Installation]) -> None:
    there = installation()
    job = of_settings(load(there.folder / "anchorwatch.yaml", {}), [], None)
    with pytest.raises(TopicsMismatch, match="topics create"):
        partitions(job)
    there.create()

    assert partitions(job) == {"findings": 2, "alerts.events": 2, "alerts.state": 2}
