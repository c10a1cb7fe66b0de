"""Every fault that the design names (F1 to F21) has its guard, and every guard its test: here is which. Below: those that need no Kafka.

Drives of the same faults over many rounds: `./scripts/drive`.
"""

import re
import time
from pathlib import Path
from typing import Any, NamedTuple, cast

import confluent_kafka as ck
import pytest
from tests.engine.test_task import Notebook, run, task

from anchorwatch.engine.app import nothing
from anchorwatch.engine.consumer import Loop, Reader
from anchorwatch.engine.cutter import Cutter
from anchorwatch.engine.health import memory_share
from anchorwatch.engine.settings import consumer
from anchorwatch.engine.transaction import CUT_SECONDS_MAX, Transactions
from anchorwatch.errors import OurError

TESTS = Path(__file__).parents[1]
GUARDS: dict[int, tuple[str, ...]] = {  # number -> file under tests/, `::`, the test
    1: ("engine/test_transaction.py::test_totals_are_exact_after_a_kill_at_each_step_of_a_cut",),
    2: ("engine/test_consumer.py::test_a_zombie_that_wakes_up_changes_nothing",),
    3: ("engine/test_consumer.py::test_two_workers_of_one_name_end_each_other_and_say_so",),
    4: (
        "engine/test_guards.py::test_f4_a_commit_that_does_not_return_is_late_after_thirteen_seconds",
        "engine/test_health.py::test_what_is_stuck_ends_the_process_with_70_and_its_stacks",
    ),
    5: ("engine/test_guards.py::test_f5_a_fatal_error_that_comes_as_a_message_ends_the_worker",),
    6: (
        "engine/test_guards.py::test_f5_a_fatal_error_that_comes_as_a_message_ends_the_worker",
        "engine/test_consumer.py::test_a_broker_that_dies_and_comes_back_loses_nothing",
    ),
    7: ("engine/test_app.py::test_an_agent_that_fails_ends_its_worker_with_70_and_no_half_batch_counts",),
    8: ("engine/test_guards.py::test_f8_a_task_that_stands_still_before_records_ends_the_worker",),
    9: (
        "engine/test_transaction.py::test_a_dead_letter_over_its_topics_limit_is_cut_off_and_says_so",
        "field_cases/test_arrival.py::test_c01_a_flood_of_them_is_one_alert_that_counts_the_kinds",
    ),
    10: ("integration/test_foul.py::test_good_events_pass_and_refused_ones_are_dead_letters_that_lead_back",),
    11: (
        "engine/test_store.py::test_offsets_that_were_reset_are_refused_with_both_ways_on",
        "engine/test_store.py::test_a_changelog_that_was_lost_is_refused",
        "test_state.py::test_a_chunk_with_one_changed_byte_is_refused",
        "runtime/test_worker.py::test_state_that_cannot_be_read_needs_a_person_and_says_what_to_do",
    ),
    12: ("engine/test_store.py::test_what_retention_took_before_it_was_read_is_counted",),
    13: ("client/test_outbox.py::test_events_arrive_on_the_partition_that_java_would_choose",),
    14: (
        "engine/test_consumer.py::test_topics_of_unequal_counts_end_a_worker_with_2",
        "engine/test_consumer.py::test_a_count_that_changes_meanwhile_ends_a_worker_with_2",
        "runtime/test_supervise.py::test_a_feed_with_unequal_topics_stops_alone_and_says_what_to_do",
    ),
    15: ("engine/test_consumer.py::test_an_hour_of_backlog_is_read_in_step", "engine/test_consumer.py::test_a_slow_agent_is_waited_for"),
    16: (
        "integration/test_broker_loss.py::test_a_node_that_dies_under_load_costs_nothing",
        "integration/test_broker_loss.py::test_what_producers_held_back_while_kafka_was_silent_is_not_late",
    ),
    17: ("engine/test_app.py::test_sigterm_ends_a_worker_with_a_last_cut_and_exit_0",),
    18: (
        "test_state.py::test_an_older_chunk_is_migrated_step_by_step",
        "test_state.py::test_a_newer_chunk_asks_for_the_newer_program",
        "engine/test_store.py::test_state_of_a_newer_release_is_refused",
    ),
    19: ("engine/test_guards.py::test_f19_a_process_near_its_limit_of_memory_is_seen",),
    20: ("engine/test_cutter.py::test_a_cut_that_grows_too_large_leaves_tasks_to_the_next",),
    21: (
        "engine/test_store.py::test_a_transaction_of_a_former_owner_is_waited_out",
        "engine/test_guards.py::test_f21_a_source_that_stays_undecided_is_told",
    ),
}


def test_each_fault_of_the_design_has_a_test_that_is_there() -> None:
    missing = [
        (number, name)
        for number, names in GUARDS.items()
        for name in names
        if not re.search(rf"def {name.partition('::')[2]}\(", (TESTS / name.partition("::")[0]).read_text("utf-8"))
    ]

    assert list(GUARDS) == list(range(1, 22))
    assert not missing


class Said(NamedTuple):
    """An event of librdkafka's as the consumer gives it; fatal ones cannot be made from outside."""

    problem: ck.KafkaError

    def error(self) -> ck.KafkaError:
        return self.problem

    def topic(self) -> str:
        return "p"

    def offset(self) -> int:
        return 0


@pytest.fixture
def reader() -> Reader:
    """Of two topics, of no Kafka."""
    nowhere = {"bootstrap.servers": "127.0.0.1:9"}
    cutter = Cutter(Transactions(nowhere, "g-a", "g-changelog"), 1.0, nothing, nothing)
    loop = Loop(*cast("tuple[Any, Any, Any]", (nothing, nothing, nothing)))
    found = Reader(nowhere, "g", "a", ["p", "o"], loop, cutter=cutter)
    found.consumer = consumer(nowhere, {"group.id": "g"})
    return found


def test_f4_a_commit_that_does_not_return_is_late_after_thirteen_seconds() -> None:
    outlet = Transactions({"bootstrap.servers": "127.0.0.1:9"}, "g-a", "g-changelog")
    told = []
    for began_ago in (None, CUT_SECONDS_MAX + 2.5, CUT_SECONDS_MAX + 3.5):
        outlet.began = 0.0 if began_ago is None else time.monotonic() - began_ago
        told.append(outlet.late())

    assert told == [False, False, True]


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (
            ck.KafkaError(ck.KafkaError._FATAL, "Fatal error: static consumer fenced by other consumer"),
            "another worker took the name a in g",
        ),
        (ck.KafkaError(ck.KafkaError._FATAL, "Fatal error: no more"), "Kafka's client ended: Fatal error: no more; starting again is safe"),
        (ck.KafkaError(ck.KafkaError.FENCED_INSTANCE_ID, "fenced"), "another worker took the name a in g"),
    ],
)
def test_f5_a_fatal_error_that_comes_as_a_message_ends_the_worker(reader: Reader, problem: ck.KafkaError, says: str) -> None:
    """librdkafka says it once, `fatal()` is False of it, and is silent for ever after."""
    assert not problem.fatal()
    with pytest.raises(OurError, match=re.escape(says)):
        reader._trouble(cast("ck.Message", Said(problem)), None)


def test_f8_a_task_that_stands_still_before_records_ends_the_worker(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    one = reader.tasks[3] = task(Notebook(), p=0, o=0)
    one.at_end("p", 0, 0)
    one.at_end("o", 0, 0)
    began = time.monotonic()
    reader._check(began + 1_000)  # nothing to read: it may stand as long as it likes
    one.add("p", run((0, 1)), end=1)
    reader._check(began + 1_059)

    with pytest.raises(OurError, match=r"task 3 has records to read and stood still for 60 s"):
        reader._check(began + 1_061)


def test_f21_a_source_that_stays_undecided_is_told(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    """A transaction without its end: what lies behind it is not silence, and nobody but a person can end it."""
    one = reader.tasks[3] = task(Notebook(), p=0, o=0)
    one.at_end("o", 0, 0)
    one.at_end("p", 0, 5)
    began = time.monotonic()
    reader._check(began + 29)
    assert not caplog.messages
    reader._check(began + 31)

    assert caplog.messages == ["source.undecided topic=p partition=3 offset=0"]


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"memory.max": "1000", "memory.current": "950", "memory.stat": "anon 1\ninactive_file 50\n"}, 0.9),
        ({"memory.max": "max", "memory.current": "950", "memory.stat": "inactive_file 50\n"}, None),
        (
            {
                "memory/memory.limit_in_bytes": "1000",
                "memory/memory.usage_in_bytes": "500",
                "memory/memory.stat": "total_inactive_file 100\n",
            },
            0.4,
        ),
        ({"memory/memory.limit_in_bytes": str(2**63 - 4096), "memory/memory.usage_in_bytes": "5", "memory/memory.stat": ""}, None),
        ({}, None),
    ],
    ids=["v2", "v2 without a limit", "v1", "v1 without a limit", "no cgroup"],
)
def test_f19_a_process_near_its_limit_of_memory_is_seen(tmp_path: Path, files: dict[str, str], share: float | None) -> None:
    """Files that the kernel may drop at once do not count."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert memory_share(tmp_path) == share
