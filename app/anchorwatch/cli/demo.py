"""See it work: a real Kafka, a real model, four failures; each must be heard, rightly, and nothing else."""

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    quick: Annotated[bool, typer.Option("--quick", help="At most two minutes: no pauses to look around, alerts need not end.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running to explore, until Ctrl-C.")] = False,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write what was heard to this file as well.", metavar="FILE")] = None,
) -> None:
    """Leaves with 0 when every failure was heard with the right segment and cause and nothing else fired, else with 1."""
    from rich.console import Console

    from anchorwatch.runtime.demo.play import QUICK, USUAL, Play
    from anchorwatch.runtime.demo.table import PLAIN_WIDTH

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    outcome = Play(console, QUICK if quick else USUAL).perform(keep=keep)
    if as_json is not None:
        as_json.write_text(json.dumps(outcome.told(), indent=2) + "\n", "utf-8")
    if not outcome.ok:
        raise typer.Exit(1)
