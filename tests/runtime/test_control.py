import msgspec
from tests.runtime.test_roster import CHURN, FRAUD, applied, record

from anchorwatch.config import load
from anchorwatch.events import Command
from anchorwatch.runtime.control import Controls
from anchorwatch.runtime.formats import native
from anchorwatch.runtime.job import Job, of_settings
from anchorwatch.runtime.roster import Roster
from anchorwatch.runtime.worker import ingest_settings, judge_settings
from anchorwatch.stages.ingest import Ingest
from anchorwatch.stages.judge import Judge

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p."})
ACK = msgspec.json.encode(Command("ack", "prod/fraud", "ann", "seen", 5))


def controls(stage: str) -> Controls:
    job: Job = of_settings(SETTINGS, [], SETTINGS.feeds([])[0] if stage == "ingest" else None)
    return Controls(job, Roster(SETTINGS.topic, job.window_ms, [applied(FRAUD)]))


def judge(of: Controls) -> Judge:
    return Judge(0, 1, of.roster.registry, of.flags, judge_settings(of.job, 1), {}, of.roster.feed_of)


def test_models_come_to_a_feed_and_leave_it_while_its_tasks_run() -> None:
    of = controls("ingest")
    ingest = of.met_ingest(Ingest(0, 1, of.roster.registry, native(), ingest_settings(of.job, 1, frozenset()), {}))
    seen = [ingest.settings.models]
    for value in (record(FRAUD.replace("fraud", "other"), 1), record(CHURN, 1), None):
        of.take("p.contracts", b"prod/other", value, 0, 0)
        seen.append(ingest.settings.models)

    fraud, both = frozenset({"prod/fraud"}), frozenset({"prod/fraud", "prod/other"})
    assert seen == [fraud, both, both, fraud]


def test_a_command_reaches_judges_that_are_there_and_those_that_come_later() -> None:
    of = controls("judge")
    first = of.met_judge(judge(of))
    of.take("p.commands", b"ack/prod/fraud", ACK, 3, 0)
    second = of.met_judge(judge(of))

    assert [[offset for offset, _ in each.commands] for each in (first, second)] == [[3], [3]]


def test_a_flag_has_the_time_of_its_record_when_it_names_none() -> None:
    of = controls("judge")
    of.take("p.flags", b"prod/fraud-on", b'{"key": "fraud-on", "state": "off", "models": ["fraud"]}', 0, 1_795_341_180_000)
    of.take("p.flags", b"prod/fraud-on", b'{"key": "fraud-on", "state": "on", "changed_at_ms": 1795341100000}', 1, 1_795_341_190_000)

    assert [(c.state, c.changed_at_ms) for c in of.flags.changes["prod", "fraud-on"]] == [
        ("on", 1_795_341_100_000),
        ("off", 1_795_341_180_000),
    ]


def test_what_cannot_be_read_changes_nothing() -> None:
    of = controls("judge")
    for topic in ("p.flags", "p.commands", "p.contracts"):
        for value in (b"nonsense", b"{}", b"\xff", b'{"contract":{"a":"\xff"}}', b'{"a":' * 100_000, None):
            of.take(topic, b"prod/fraud-on", value, 0, 0)

    assert (of.flags.changes, list(of.commands), len(of.roster.registry)) == ({}, [], 1)


def test_ingest_hears_of_contracts_alone() -> None:
    assert controls("ingest").topics == ["p.contracts"]
    assert controls("judge").topics == ["p.contracts", "p.flags", "p.commands"]
