"""Show what a stage's state and its committed offsets say; adopt one, or restart, when they differ."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of

if TYPE_CHECKING:
    from anchorwatch.engine.repair import Found

app = typer.Typer()
Stage = Annotated[str, typer.Argument(help="`judge`, or the name of a feed (`default` is the standard one).")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would be done.")]

BEFOREHAND = "nothing was changed; --yes does it, with the workers of this group stopped"
FORGOTTEN = {
    "ingest": "predictions that wait for their outcome, so their labels will match nothing, and windows that are still open",
    "judge": "all evidence, what is being recovered from, and which alerts are open: those that still burn are told anew",
}


@app.callback()
def _state() -> None:
    """State."""


@app.command("show")
def show(stage: Stage = "default", settings: SettingsFile = None, bootstrap: Bootstrap = None, as_json: AsJson = False) -> None:
    """What each task's chunks and offsets say. Leaves with 1 when they are not of the same cut."""
    from anchorwatch.engine import repair

    kafka, group, sources = _place(stage, settings, bootstrap)
    found = repair.show(kafka, group, sources)
    if as_json:
        typer.echo(json.dumps({"group": group, "tasks": [_plain(each) for each in found]}, indent=2))
    else:
        typer.echo(f"{group}: {len(found)} tasks")
        for each in found:
            typer.echo(_line(each))
    if not all(each.agrees for each in found):
        raise typer.Exit(1)


@app.command("adopt")
def adopt(stage: Stage = "default", settings: SettingsFile = None, bootstrap: Bootstrap = None, yes: Yes = False) -> None:
    """Set the group to where its state stands: nothing is lost or counted twice. Stop the workers first."""
    from anchorwatch.engine import repair

    kafka, group, sources = _place(stage, settings, bootstrap)
    if not yes:
        found = [each for each in repair.show(kafka, group, sources) if each.head.stamp and not each.agrees]
        _tell(f"{group} would go on from the offsets in its state; nothing is lost or counted twice", found)
        typer.echo(BEFOREHAND)
        return
    _tell(f"{group} goes on from the offsets in its state", repair.adopt(kafka, group, sources))


@app.command("restart")
def restart(stage: Stage = "default", settings: SettingsFile = None, bootstrap: Bootstrap = None, yes: Yes = False) -> None:
    """Throw the state away and go on from the committed offsets: predictions that wait for outcomes, evidence and alerts are forgotten."""
    from anchorwatch.engine import repair

    kafka, group, sources = _place(stage, settings, bootstrap)
    if not yes:
        found = [each for each in repair.show(kafka, group, sources) if repair.known(each)]
        _tell(f"{group} would begin with empty state at its committed offsets", found)
        if found:
            chunks = sum(len(each.chunks) for each in found)
            typer.echo(f"{chunks:,} chunks would be thrown away: {FORGOTTEN['judge' if stage == 'judge' else 'ingest']}")
        typer.echo(BEFOREHAND)
        return
    _tell(f"{group} begins with empty state at its committed offsets", repair.restart(kafka, group, sources))


def _place(stage: str, settings: Path | None, bootstrap: str | None) -> tuple[dict[str, str], str, list[str]]:
    """Kafka, group and source topics of a stage. Raises ConfigError for a feed that no contract makes."""
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime import contracts

    settled = settings_of(settings, bootstrap)
    kafka = dict(settled.kafka)
    if stage == "judge":
        return kafka, f"{settled.topics.prefix}judge", [settled.topic("observations")]
    from anchorwatch import contract
    from anchorwatch.config.feeds import siblings_group

    known = [contract.from_json(applied.contract, "contracts", owned=False) for applied in contracts.in_force(settled).values()]
    groups = {feed.name: (f"ingest.{feed.name}", list(feed.read.values())) for feed in settled.feeds(known)}
    for feed in settled.feeds(known):
        groups |= {f"rekey.{feed.name}.{role}": (f"rekey.{feed.name}.{role}", [feed.topics[role]]) for role in feed.rekeyed}
        groups |= {siblings_group(topic): (siblings_group(topic), [topic]) for topic in feed.siblings}
    if stage not in groups:
        raise ConfigError(f"no feed {stage!r}: known are {', '.join([*groups, 'judge'])}")
    group, sources = groups[stage]
    return kafka, settled.topics.prefix + group, sources


def _line(found: "Found") -> str:
    state = ", ".join(f"{topic} {offset}" for topic, offset in sorted(found.head.next.items())) or "nothing"
    known = sorted((topic, each.offset) for topic, each in found.committed.items() if each.offset >= 0)  # below: none was committed
    group = ", ".join(f"{topic} {offset}" for topic, offset in known) or "nothing"
    mark = "✓" if found.agrees else "✗"
    return f"{mark} task {found.task}: {len(found.chunks)} chunks; state stands at {state}; the group at {group}"


def _plain(found: "Found") -> dict[str, object]:
    committed = {topic: each.offset if each.offset >= 0 else None for topic, each in found.committed.items()}
    return {"task": found.task, "agrees": found.agrees, "chunks": len(found.chunks), "state": found.head.next, "committed": committed}


def _tell(what: str, found: "list[Found]") -> None:
    typer.echo(f"{what}: {len(found)} tasks" if found else "nothing to do: no task differs")
    for each in found:
        typer.echo(_line(each))
