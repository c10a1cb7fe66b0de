"""See it work: a real Kafka, a real model, four failures; each must be heard, rightly, and nothing else."""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anchorwatch.runtime.demo.play import Outcome


def command(
    quick: Annotated[bool, typer.Option("--quick", help="At most two minutes: no pauses to look around, alerts need not end.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running to explore, until Ctrl-C.")] = False,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write what was heard to this file as well.", metavar="FILE")] = None,
) -> None:
    """Leaves with 0 when every failure was heard with the right segment and cause and nothing else fired, else with 1."""
    from rich.console import Console

    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime.demo.play import QUICK, USUAL, Play
    from anchorwatch.runtime.demo.table import PLAIN_WIDTH

    def over(outcome: "Outcome") -> None:
        if as_json is not None:
            as_json.write_text(json.dumps(outcome.told(), indent=2) + "\n", "utf-8")

    if as_json is not None and not as_json.absolute().parent.is_dir():
        raise ConfigError(f"--json {as_json}: there is no folder {as_json.absolute().parent}; make it first")  # not after two minutes
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # in order, as with Ctrl-C
    outcome = Play(console, QUICK if quick else USUAL, over, keep=keep).perform()
    if not outcome.ok:
        raise typer.Exit(1)
