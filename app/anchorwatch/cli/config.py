"""Show the settings in force, and where each came from."""

import json
from typing import Annotated

import typer

from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of

app = typer.Typer()


@app.callback()
def _config() -> None:
    """Settings."""


@app.command("show")
def show(
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the defaults.")] = False,
    as_json: AsJson = False,
) -> None:
    """Each value with its origin: command line, variable, file and line, or default. Secrets are masked."""

    found = [row for row in settings_of(settings, bootstrap).rows() if not changed or row[2] != "default"]
    if as_json:
        typer.echo(json.dumps({"settings": [dict(zip(("key", "value", "origin"), row, strict=True)) for row in found]}, indent=2))
        return
    wide = max((len(key) for key, _, _ in found), default=0)
    width = min(max((len(value) for _, value, _ in found), default=0), 40)
    for key, value, origin in found:
        typer.echo(f"{key:<{wide}}  {value or '(empty)':<{width}}  {origin}")
