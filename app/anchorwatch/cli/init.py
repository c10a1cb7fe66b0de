"""Write a contract from what a topic holds: commented, checked, ready for `apply`."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from anchorwatch.cli._settings import Bootstrap, SettingsFile, settings_of


def command(
    topic: Annotated[str, typer.Option(help="Where the predictions are.")],
    outcomes: Annotated[str, typer.Option(help="Where the truth about them comes, if it does.")] = "",
    model: Annotated[str, typer.Option(help="Of several models on the topic this one; else the most frequent.")] = "",
    owner: Annotated[str, typer.Option(help="Who is woken: a group, a Backstage reference or a mail address.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="The file to write, - for the screen; else the model's name in the contracts' folder.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    sample: Annotated[int, typer.Option(min=20, max=200_000, help="So many of the newest records of each topic are looked at.")] = 20_000,
    registry: Annotated[str, typer.Option(help="URL of a schema registry, for Avro; else the settings'.")] = "",
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
) -> None:
    """Reads the newest records, joins no group. What it guesses it says; what only a person can know is left as a comment."""
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime import init
    from anchorwatch.runtime.init import settings as first
    from anchorwatch.runtime.init.read import read

    settled = settings_of(settings, bootstrap, {"registry.url": registry or None})
    predictions, truths = read(settled, topic, outcomes, sample)
    made = init.write(predictions, truths, time.time_ns() // 1_000_000, model=model, owner=owner)
    if str(out) == "-":
        sys.stdout.write(made.text)
        return
    file = out or settled.contracts / f"{made.contract.model}.yaml"
    if file.exists() and not force:
        raise ConfigError(f"{file} is there already; --force writes over it, --out names another")
    init.save(made, file)
    begins = first.wanted(settings, os.environ, bootstrap)
    kept = first.save(first.written(bootstrap or "", registry, made.contract.owner.team)) if begins else None
    for line in init.told(made):
        typer.echo(line)
    typer.echo(f"✓ {' and '.join(str(each) for each in (file, kept) if each)} written")
    for line in init.to_fill_in(made, file, kept):
        typer.echo(f"  fill in: {line}")
    typer.echo(f"  next: anchorwatch doctor --contract {file}, anchorwatch apply --create-topics {file}, anchorwatch run")
