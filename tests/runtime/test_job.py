import msgspec

from anchorwatch.config import load
from anchorwatch.runtime.job import Job, of_settings

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
