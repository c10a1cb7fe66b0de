import msgspec
from tests.contract.examples import SMALL

from anchorwatch.config import load
from anchorwatch.contract import parse
from anchorwatch.runtime.job import Job, of_settings, of_siblings

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p.", "topics.names.outcomes": "labels", "instance": "7"})


def test_a_feed_becomes_a_job_that_survives_the_pipe() -> None:
    job = of_settings(SETTINGS, [], SETTINGS.feeds([])[0])

    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job
    assert job.sources == {"p.predictions": "predictions", "labels": "outcomes"}
    assert (job.name, job.group_name, job.instance, job.kafka) == (
        "ingest.default",
        "p.ingest.default",
        "7",
        {"bootstrap.servers": "b:9092"},
    )


def test_without_a_feed_it_is_the_judge() -> None:
    job = of_settings(SETTINGS, [], None)

    assert (job.name, job.group_name, job.sources) == ("judge", "p.judge", {})


def test_a_topic_without_keys_has_a_process_of_its_own_and_ingest_reads_what_that_one_writes() -> None:
    contract = parse(SMALL + "source: {predictions: {topic: scored, keyed: false}}\n", "f.yaml")
    (feed,) = SETTINGS.feeds([contract])

    ingest, rekey = of_settings(SETTINGS, [], feed), of_settings(SETTINGS, [], feed, "predictions")

    assert (rekey.name, rekey.sources, rekey.rekeyed) == (
        "rekey.scored.predictions",
        {"scored": "predictions"},
        ["p.rekeyed.scored.predictions"],
    )
    assert (ingest.sources, ingest.rekeyed) == ({"p.rekeyed.scored.predictions": "predictions", "labels": "outcomes"}, rekey.rekeyed)


def test_a_topic_of_siblings_has_a_process_that_may_read_it_under_another_name() -> None:
    here, replayed = of_siblings(SETTINGS, [], "paid"), of_siblings(SETTINGS, [], "paid", "p.copy")

    assert (here.name, here.group_name, here.feed, here.sources) == ("siblings.paid", "p.siblings.paid", "paid", {"paid": "siblings"})
    assert (replayed.group_name, replayed.sources) == ("p.siblings.paid", {"p.copy": "siblings"})
    assert msgspec.json.decode(msgspec.json.encode(here), type=Job) == here
