"""Show the settings in force, and where each came from."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.callback()
def _config() -> None:
    """Settings."""


@app.command("show")
def show(
    settings: Annotated[Path | None, typer.Option(help="The settings file; else $ANCHORWATCH_SETTINGS, else ./anchorwatch.yaml.")] = None,
    bootstrap: Annotated[str | None, typer.Option(help="host:port of Kafka; wins over file and variable.")] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the defaults.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Each value with its origin: command line, variable, file and line, or default. Secrets are masked."""
    from anchorwatch.config import load

    overrides = {"kafka.bootstrap.servers": bootstrap} if bootstrap else {}
    found = [row for row in load(settings, os.environ, overrides).rows() if not changed or row[2] != "default"]
    if as_json:
        typer.echo(json.dumps({"settings": [dict(zip(("key", "value", "origin"), row, strict=True)) for row in found]}, indent=2))
        return
    wide = max((len(key) for key, _, _ in found), default=0)
    width = min(max((len(value) for _, value, _ in found), default=0), 40)
    for key, value, origin in found:
        typer.echo(f"{key:<{wide}}  {value or '(empty)':<{width}}  {origin}")
