"""Each role with the rights that the README gives it, and no others: what it lacks it names, with the command that grants it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.runtime.installation import until
from tests.security.fortress import Fortress, asked_for, password
from tests.security.offices import Office, office

from anchorwatch.client import Client, follow_alerts
from anchorwatch.engine.refusals import Right
from anchorwatch.runtime.job import Stage
from anchorwatch.runtime.rights import Role, rights
from anchorwatch.runtime.sinks import AlertsOut

pytestmark = pytest.mark.kafka
LIVES_MAX = 20  # above: a right is asked for again and again
LATE = (
    "changelog Write",
    "group Read",
    "transactional-id Write",
)  # refused while it joins, begins and cuts; all others when it looks at its topics


def demanded(fortress: Fortress, at: Office, stage: Stage) -> set[Right]:
    """Granted one after the other, each because a message asked for it, until the stage works."""
    granted: list[Right] = []
    while reason := at.life_of(stage):
        user, right = asked_for(reason)
        assert user == stage
        assert right not in granted, f"it is granted and asked for again: {reason}"
        fortress.grant(user, [right])
        granted.append(right)
        assert len(granted) < LIVES_MAX, granted
    return set(granted)


def is_late(right: Right) -> bool:
    kind = "changelog" if right.name.endswith("-changelog") else right.kind
    return f"{kind} {right.operation}" in LATE


def as_prefix(right: Right) -> Right:
    """An instance's own transactional id as the prefix that covers all instances."""
    return right._replace(name=right.name.rpartition("-")[0] + "-", prefixed=True) if right.kind == "transactional-id" else right


def of_stage(at: Office, stage: Stage) -> set[Right]:
    """Of its process alone: its supervisor carries alerts out."""
    settings, prefix = at.settings(), at.prefix
    sinks = {Right("Read", "topic", f"{prefix}alerts.{name}") for name in ("events", "state")} | {Right("Read", "group", f"{prefix}sinks")}
    return set(rights(settings, "judge" if stage == "judge" else "ingest", settings.feeds([]))) - sinks


def stages_follow_their_messages(fortress: Fortress, prefix: str, folder: Path, *names: Stage, all_of_them: bool = False) -> None:
    """At once. A stage of which one right is missing leaves with exit 2 and the command that grants it; with all of them it works."""
    admin = office(fortress, "admin", prefix, folder)
    assert admin.command("topics", "create").returncode == 0
    admin.feed(0, 200)
    stages = {name: office(fortress, name, prefix, folder) for name in names}
    needed = {stage: of_stage(at, stage) for stage, at in stages.items()}
    asked = {stage: {right for right in found if all_of_them or is_late(right)} for stage, found in needed.items()}
    for stage, found in needed.items():
        fortress.grant(stage, found - asked[stage])
    with ThreadPoolExecutor() as both:
        told = dict(zip(stages, both.map(lambda stage: demanded(fortress, stages[stage], stage), stages), strict=True))

    assert {stage: set(map(as_prefix, found)) for stage, found in told.items()} == asked


def test_a_stage_that_lacks_a_right_leaves_and_names_it(fortress: Fortress, topic_prefix: str, tmp_path: Path) -> None:
    """Those that are refused latest; `python -m tests.security` tries each right of both stages."""
    stages_follow_their_messages(fortress, topic_prefix, tmp_path, "ingest")


def test_each_role_does_its_work_with_its_rights_alone(fortress: Fortress, topic_prefix: str, tmp_path: Path) -> None:
    """Ingest by SCRAM, judge by certificate, the service and the people by PLAIN, all through TLS; from empty topics to an alert's command."""
    creator = office(fortress, "creator", topic_prefix, tmp_path)
    people = office(fortress, "ui", topic_prefix, tmp_path, "PLAIN")
    operator = office(fortress, "operator", topic_prefix, tmp_path)
    ingest = office(fortress, "ingest", topic_prefix, tmp_path)
    judge = Office(fortress.as_certified("judge"), topic_prefix, tmp_path / "judge")
    roles: dict[Role, Office] = {"admin": creator, "ui": people, "operator": operator, "ingest": ingest, "judge": judge, "client": people}
    users = {"admin": "creator"}
    for role, at in roles.items():
        settings, user = at.settings(), users.get(role, role)
        fortress.grant(user, rights(settings, role, settings.feeds([]), user))

    for at, words in ((creator, ("topics", "create")), (creator, ("topics", "check")), (operator, ("apply", "contracts/fraud.yaml"))):
        done = at.command(*words)
        said = [line for line in done.stderr.splitlines() if not line.endswith(" are read")]  # how far it is, where reading takes a while
        assert (words, done.returncode, said) == (words, 0, [])
    with ingest.run("--stage", "ingest") as first, judge.run("--stage", "judge") as second:
        first.wait_ready()
        second.wait_ready()
        as_service = fortress.as_user("client", "PLAIN")
        with Client(as_service["bootstrap.servers"], "fraud", prefix=topic_prefix, kafka=as_service) as service:
            for n in range(300):
                with service.predict(features={"amount": float(n)}, prediction_id=f"o-{n}") as p:
                    p.answer("pass", score=0.1)
            assert service.flush(20) == 0
            assert service.counts["delivered"] == 300
            assert (
                list(follow_alerts(as_service["bootstrap.servers"], "client-bot", prefix=topic_prefix, kafka=as_service, idle_s=0.1)) == []
            )
        until(lambda: '"predictions": 300' in people.command("status", "--json").stdout, what=lambda: first.words + second.words)
        silenced = people.command("alerts", "silence", "prod/fraud", "--until", "1h", "--reason", "a trial", "--actor", "me")
        told = first.words + second.words

    assert (silenced.returncode, silenced.stderr) == (0, "")
    assert "needs a person" not in told
    assert not [user for user in ("ingest", "client", "ui") if password(user) in told]


@pytest.mark.expects_errors
def test_sinks_that_may_not_read_wait_for_a_person_instead_of_trying_for_ever(
    fortress: Fortress, topic_prefix: str, tmp_path: Path
) -> None:
    office(fortress, "admin", topic_prefix, tmp_path).command("topics", "create")
    out = AlertsOut(office(fortress, "nobody", topic_prefix, tmp_path).settings())

    async def refused() -> None:
        running = asyncio.create_task(out.run())
        async with asyncio.timeout(30):
            while out.state == "starting":  # noqa: ASYNC110 (no event says so)
                await asyncio.sleep(0.02)
        state, reason = out.state, out.reason
        out.stop()
        await running

        assert state == "needs a person"
        assert asked_for(reason) == ("nobody", Right("Read", "topic", f"{topic_prefix}alerts.events"))

    asyncio.run(refused())


def test_who_lacks_a_right_is_told_so_by_the_command(fortress: Fortress, topic_prefix: str, tmp_path: Path) -> None:
    """Kafka hides from `nobody` that the topics are there; asked by name it says why."""
    admin = office(fortress, "admin", topic_prefix, tmp_path)
    admin.command("topics", "create")
    nobody = office(fortress, "nobody", topic_prefix, tmp_path)
    event = ("emit", "prediction", "model=fraud", "prediction=pass")
    silence = ("alerts", "silence", "prod/fraud", "--until", "1h", "--reason", "a trial", "--actor", "me")
    asked = {("status",): "Read --topic contracts", event: "Write --topic predictions", ("topics", "check"): "Read --topic contracts"}
    for words, missing in asked.items():
        done = nobody.command(*words)
        operation, _, topic = missing.partition(" --topic ")

        assert done.returncode == 2, words
        assert asked_for(done.stderr) == ("nobody", Right(operation, "topic", topic_prefix + topic))
        assert len(done.stderr.splitlines()) == 1
    fortress.grant("nobody", [Right("Read", "topic", topic_prefix + name) for name in ("contracts", "findings", "alerts.state")])
    done = nobody.command(*silence)

    assert done.returncode == 2
    assert asked_for(done.stderr) == ("nobody", Right("Write", "topic", f"{topic_prefix}commands"))
