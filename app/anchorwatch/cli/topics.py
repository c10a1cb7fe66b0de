"""Make the topics of an installation, or say what differs from what it needs."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.engine.topics import Layout

app = typer.Typer()
Replication = Annotated[int | None, typer.Option(min=1, max=9, help="Copies of each; else the settings', at most one a broker.")]
Partitions = Annotated[
    int | None, typer.Option(min=1, max=10_000, help="Of predictions, outcomes, decisions, complaints: equal, and for ever.")
]


@app.callback()
def _topics() -> None:
    """Topics."""


@app.command("create")
def create(
    partitions: Partitions = None,
    replication: Replication = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made; make nothing.")] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Make what is missing. What is there is never changed; another number of partitions is an error."""
    from anchorwatch.engine import topics

    settled = _settings(settings, bootstrap, partitions)
    layout, notes = _layout(settled, replication)
    made = [(topic.name, "would be made") for topic in layout.topics] if dry_run else topics.create(settled.kafka, layout)
    sizes = {topic.name: topic.partitions for topic in layout.topics}
    if as_json:
        rows = [{"topic": name, "partitions": sizes[name], "result": result} for name, result in made]
        typer.echo(json.dumps({"replication": layout.replication, "topics": rows, "notes": notes}, indent=2))
    else:
        wide = max(map(len, sizes))
        for name, result in made:
            typer.echo(f"{name:<{wide}}  {sizes[name]:>4} partitions  {result}")
        typer.echo(
            f"copies of each: {layout.replication}" + ("" if layout.replication > 2 else "; for production three brokers and three copies")
        )
    for note in notes:
        sys.stderr.write(f"✗ {note}\n")
    if notes:
        raise typer.Exit(2)


@app.command("check")
def check(
    partitions: Partitions = None,
    replication: Replication = None,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Leaves with 1 when a topic is missing or set otherwise than it should be."""
    from anchorwatch.engine import topics

    settled = _settings(settings, bootstrap, partitions)
    layout, notes = _layout(settled, replication)
    found = [*topics.differences(settled.kafka, layout), *notes]
    if as_json:
        typer.echo(json.dumps({"differences": found}, ensure_ascii=False, indent=2))
    else:
        for line in found:
            typer.echo(f"✗ {line}")
        if not found:
            typer.echo(f"✓ {len(layout.topics)} topics are as they should be")
    if found:
        raise typer.Exit(1)


@app.command("acl")
def acl(
    role: Annotated[str, typer.Argument(help="ingest, judge, ui, client, operator, admin or doctor.")],
    user: Annotated[str, typer.Option(help="Of Kafka, without `User:`; else the role's name.")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """The least rights of a role, as commands for whoever administers Kafka. Feeds: of the contracts' folder; asks nobody."""
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime import contracts, rights
    from anchorwatch.runtime.roster import Roster

    if role not in rights.ROLES:
        raise ConfigError(f"{role}: no such role; there are {', '.join(rights.ROLES)}")
    settled = settings_of(settings, needs=())
    feeds = Roster(settled.topic, settled.window, contracts.of_folder(settled)).feeds
    found = rights.rights(settled, role, feeds, user or role)
    if as_json:
        typer.echo(json.dumps([right._asdict() for right in found], indent=2))
        return
    typer.echo(f"# {rights.MEANING[role]}; add --bootstrap-server and --command-config of an administrator")
    for right in found:
        typer.echo(right.command(user or role))


def _settings(file: Path | None, bootstrap: str | None, partitions: int | None) -> "Settings":
    return settings_of(file, bootstrap, {"topics.partitions": str(partitions) if partitions else None})


def _layout(settings: "Settings", replication: int | None) -> "tuple[Layout, list[str]]":
    """Copies: as many as wanted, but no more than there are brokers, unless somebody says so."""
    from anchorwatch.errors import TopicsMismatch
    from anchorwatch.runtime import contracts, layout

    copies = replication or min(settings.topics.replication, layout.brokers(settings))
    try:
        in_force = contracts.in_force(settings)
    except TopicsMismatch:
        in_force = {}  # there is no topic `contracts` yet
    return layout.wanted(settings, contracts.of_folder(settings), in_force, copies)
