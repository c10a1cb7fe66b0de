"""The options with which nearly every command finds its installation, and the settings they lead to."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anchorwatch.config import Settings

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="The settings file; else $ANCHORWATCH_SETTINGS, else ./anchorwatch.yaml.")
]
Bootstrap = Annotated[str | None, typer.Option(help="host:port of Kafka; wins over file and variable.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object for programs.")]


def settings_of(
    path: Path | None,
    bootstrap: str | None = None,
    flags: Mapping[str, str | None] | None = None,
    needs: Sequence[tuple[str | int, ...]] | None = None,
) -> "Settings":
    """flags: a setting's dotted name -> what a further option says, None where it was not given. needs: what must be set; None: Kafka."""
    import os

    from anchorwatch.config import load

    given = {name: value for name, value in {"kafka.bootstrap.servers": bootstrap, **(flags or {})}.items() if value}
    return load(path, os.environ, given) if needs is None else load(path, os.environ, given, needs)
