"""One process of one stage: a Faust app whose agent feeds Ingest or Judge. Started by the supervisor, which speaks to it over pipes.

python -m anchorwatch.runtime.worker < pipe
"""

import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from anchorwatch.engine.app import App, exit_code
from anchorwatch.engine.control import Control
from anchorwatch.engine.settings import CLASSIC, counts, reader, same_counts
from anchorwatch.engine.task import Batch, Stage
from anchorwatch.errors import AnchorwatchError, OperatorError, StateCorrupt
from anchorwatch.runtime import logs, schemas
from anchorwatch.runtime.control import Controls
from anchorwatch.runtime.formats import native
from anchorwatch.runtime.job import Job
from anchorwatch.runtime.link import Link
from anchorwatch.runtime.roster import Roster
from anchorwatch.runtime.timed import PENDING, Timed
from anchorwatch.sources.foreign.routes import Router
from anchorwatch.stages.ingest import Ingest, IngestSettings
from anchorwatch.stages.rekey import Rekey, RekeySettings
from anchorwatch.stages.report import Report
from anchorwatch.stages.sibling_topic import SiblingSettings, SiblingTopic
from anchorwatch.telemetry import Telemetry

if TYPE_CHECKING:
    from anchorwatch.stages.model_judge import JudgeSettings

WRITTEN: dict[str, tuple[str, ...]] = {  # stage -> topics of ours that it writes to
    "ingest": ("observations", "dead-letters"), "siblings": ("observations",), "judge": ("findings", "alerts.events", "alerts.state"),
}  # fmt: skip


class Worker:
    """App, stage and telemetry of one process. Raises OperatorError: topics missing, Kafka away, variables that we do not speak."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.roster = Roster(job.topics.__getitem__, job.window_ms, job.files)
        self.controls = Controls(job, self.roster)
        self.partitions = partitions(job)
        self.schemas = schemas.of_settings(job.registry) if job.stage in ("ingest", "rekey") else None
        instance = f"{job.feed}.{job.instance}" if job.feed else job.instance
        self.telemetry = Telemetry(
            job.service_name,
            job.stage,
            instance,
            group=job.group_name,
            alerts_topic=job.topics["alerts.events"],
            spans_per_second_max=job.spans_per_second_max,
        )
        self.sources = list(job.sources) or [job.topics["observations"]]
        self.app = App(
            job.group_name,
            job.kafka,
            job.instance,
            self.sources,
            self.begin,
            cut_seconds=job.cut_ms / 1000,
            group_settings={**CLASSIC, "group.instance.id": job.instance, **job.group},
            committed=self.committed,
            control=Control(job.kafka, self.controls.topics, self.controls.take),
            headed=lambda topic: self.schemas is not None or job.stage == "rekey" or topic in job.rekeyed or topic in self.roster.headed,
            gate=self.schemas,
        )
        self.app.agent(self.app.batches)(follow)

    def begin(self, task: int, tasks: int, chunks: dict[bytes, bytes]) -> Stage:
        """Raises StateCorrupt for whatever a stage makes of chunks that it cannot read: they will be the same after a restart."""
        try:
            return self._begin(task, tasks, chunks)
        except OperatorError as error:
            raise type(error)(f"{self.job.group_name}, task {task}: {error}") from error
        except Exception as error:
            raise StateCorrupt(
                f"{self.job.group_name}, task {task}: state of {len(chunks)} chunks cannot be read ({error!r}); "
                "`anchorwatch state restart` begins with empty state"
            ) from error

    def _begin(self, task: int, tasks: int, chunks: dict[bytes, bytes]) -> Stage:
        if self.job.stage == "judge":
            from anchorwatch.stages.judge import Judge  # with river, 0.6 s that ingest need not wait for

            settings = judge_settings(self.job, self.partitions["findings"])
            return self.controls.met_judge(
                Judge(task, tasks, self.roster.registry, self.controls.flags, settings, chunks, self.roster.feed_of, self.roster.outside)
            )
        if self.job.stage == "rekey":
            return self._rekey(task, tasks)
        if self.job.stage == "siblings":
            wanted = sibling_settings(self.job, self.partitions["observations"])
            return SiblingTopic(task, tasks, self.roster.registry, self.roster.outside, wanted)
        made = ingest_settings(self.job, self.partitions["observations"], self.roster.models_of(self.job.feed))
        formats = native(verbatim=self.job.verbatim, schemas=self.schemas)
        return Timed(self.controls.met_ingest(Ingest(task, tasks, self.roster.registry, formats, made, chunks)))

    def _rekey(self, task: int, tasks: int) -> Stage:
        [(source, role)] = self.job.sources.items()
        known: dict[int, Router] = {}  # contracts changed so often -> the router of their last state

        def router() -> Router:
            changes = self.roster.registry.changes
            if changes not in known:
                known.clear()
                mine = self.roster.models_of(self.job.feed)
                contracts = [v.contract for v in self.roster.registry.latest() if v.contract.key in mine]
                known[changes] = Router(role, contracts, self.schemas)
            return known[changes]

        into = self.job.rekeyed[0]
        return Rekey(task, tasks, router, RekeySettings(source, into, self.partitions[into], wall=self.job.wall))

    def committed(self, reports: list[Report]) -> None:
        now_ns = time.time_ns()
        for report in reports:
            self.telemetry.take(report, now_ns)

    def status(self) -> dict[str, Any]:
        """Once a second, from the reporting thread; what it says goes to telemetry too."""
        status = self.app.status()
        self.telemetry.take(self._figures(status), time.time_ns())
        registry = self.roster.registry
        stages = [task.stage for task in list(self.app.reader.tasks.values())] if self.job.stage == "judge" else []
        to_learn = {key: list(ready) for stage in stages for key, ready in stage.ready().items()}  # type: ignore[attr-defined]  # Judge
        return status | {
            "to_learn": to_learn,
            "models": len(registry),
            "refused": dict(registry.refused),
            "partitions": len(self.app.reader.tasks),
        }

    def _figures(self, status: dict[str, Any]) -> Report:
        """What only the whole process knows: sums and minima over its tasks."""
        gauges: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        stage = ("stage", self.job.stage)
        gauges["anchorwatch.cut.age", (stage,)] = status["cut_age_s"]
        for topic, lag in status["lag"].items():
            gauges["anchorwatch.consumer.lag", (stage, ("topic", topic))] = lag
        timed = [task.stage for task in list(self.app.reader.tasks.values()) if isinstance(task.stage, Timed)]
        marks = [each.watermark_ms for each in timed if each.watermark_ms >= 0]
        if marks and self.job.wall:
            gauges["anchorwatch.watermark.delay", (stage, ("topic", self.sources[0]))] = time.time() - min(marks) / 1000
        for each in timed:
            for labels, n in list(each.pending.items()):
                key = (PENDING, (stage, *labels))
                gauges[key] = gauges.get(key, 0.0) + n
        return Report(gauges=gauges)


async def follow(batches: AsyncIterator[Batch]) -> None:
    async for batch in batches:
        batch.take()


def partitions(job: Job) -> dict[str, int]:
    """Of what this stage writes to. Raises TopicsMismatch, Unreachable."""
    if job.stage == "rekey":
        names = dict.fromkeys(job.rekeyed, job.rekeyed[0])
    else:
        names = {name: job.topics[name] for name in WRITTEN[job.stage]}
    client = reader(job.kafka)
    try:
        found = counts(client, list(names.values()), operation="Write")
    finally:
        client.close()
    same_counts({topic: 0 for topic, n in found.items() if not n} or {"": 1})
    return {name: found[topic] for name, topic in names.items()}


def sibling_settings(job: Job, observation_partitions: int) -> SiblingSettings:
    return SiblingSettings(job.feed, job.topics["observations"], observation_partitions, job.window_ms, job.lateness_ms, job.wall)


def ingest_settings(job: Job, observation_partitions: int, models: frozenset[str]) -> IngestSettings:
    return IngestSettings(
        feed=job.feed,
        roles=job.sources,
        observations=job.topics["observations"],
        observation_partitions=observation_partitions,
        dead_letters=job.topics["dead-letters"],
        window_ms=job.window_ms,
        lateness_ms=job.lateness_ms,
        wall=job.wall,
        pending_bytes_max=job.pending_bytes_max,
        models=models,
        rekeyed=frozenset(job.rekeyed),
    )


def judge_settings(job: Job, partitions_out: int) -> "JudgeSettings":
    from anchorwatch.stages.model_judge import JudgeSettings

    return JudgeSettings(
        findings=job.topics["findings"],
        alerts_events=job.topics["alerts.events"],
        alerts_state=job.topics["alerts.state"],
        partitions=partitions_out,
        window_ms=job.window_ms,
        grace_ms=job.grace_ms,
        wall=job.wall,
        pages_per_month=job.pages_per_month,
        fallback_owner=job.fallback_owner,
        summary_ms=job.summary_ms,
        recent_ms=job.shown_ms,
    )


def main(arguments: Sequence[str] = ()) -> None:
    """Leaves with 0 after SIGTERM, 2 when a person must act, 3 without Kafka, 70 when a restart helps."""
    del arguments
    link = Link()
    job = link.job()
    logs.configure(f"{job.name}.{job.instance}")
    try:
        worker = Worker(job)
    except AnchorwatchError as error:
        link.tell(leaving={"exit": error.exit_code, "reason": str(error)})
        os._exit(error.exit_code)
    link.serve(worker.status, worker.telemetry.snapshot)

    def at_exit() -> None:
        worker.telemetry.close()
        trouble = worker.app.trouble
        reason = str(trouble) if isinstance(trouble, AnchorwatchError) else repr(trouble)
        link.tell(leaving={"exit": exit_code(trouble) if trouble else 0, "reason": reason if trouble else ""})

    sys.argv = [sys.argv[0]]  # Faust's worker looks at it
    worker.app.run(at_exit)


if __name__ == "__main__":
    main()
