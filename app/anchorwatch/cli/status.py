"""How is each model? One line each; leaves with 1 when somebody should look."""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of

if TYPE_CHECKING:
    from anchorwatch.config import Settings

SILENT_MS, SUMMARIES = 300_000, 5  # an older summary, and one that so many should have followed, is no word at all


def command(
    model: Annotated[str | None, typer.Argument(help="Only this model, as fraud or prod/fraud.")] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", help="For health checks: say nothing, leave with 0 when the `run` of these settings is ready, else 1."),
    ] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """From what the judge said last and the alerts that are open. A warning or a page that fires, a dark model or one without word: 1."""
    from anchorwatch.contract.faults import nearest
    from anchorwatch.errors import ConfigError

    settled = settings_of(settings, bootstrap)
    if quiet:
        raise typer.Exit(0 if _ready(settled) else 1)
    from anchorwatch.runtime import contracts, status

    known = status.owners(contracts.of_folder(settled), contracts.in_force(settled))
    old_ms = max(SILENT_MS, SUMMARIES * settled.summary)
    found = status.rows(known, *status.read(settled, time.time_ns() // 1_000_000 - old_ms))
    found = [row for row in found if model in (None, row.model, f"{row.environment}/{row.model}")]
    if model is not None and not found:
        raise ConfigError(f"{model}: no such model; {nearest(model, {key.partition('/')[2] for key in known} or {'none at all'})}")
    if as_json:
        typer.echo(json.dumps({"models": [status.as_json(row) for row in found]}, ensure_ascii=False, indent=2))
    else:
        wide = max((len(row.model) for row in found), default=0)
        for row in found:
            typer.echo("\n".join(status.lines(row, wide, alone=model is not None)))
        if not found:
            typer.echo("no model is watched; `anchorwatch apply` a contract")
        elif any(row.state == "no word" for row in found):
            typer.echo(f"no word for {old_ms // 60_000} minutes: does `anchorwatch run` run, and what does its /readyz say?")
    if any(row.state in status.BAD for row in found):
        raise typer.Exit(1)


def _ready(settings: "Settings") -> bool:
    """Asks the supervisor on this machine."""
    from urllib.error import URLError
    from urllib.request import urlopen

    host = "127.0.0.1" if settings.run.host in ("0.0.0.0", "::") else settings.run.host
    try:
        with urlopen(f"http://{host}:{settings.run.port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
