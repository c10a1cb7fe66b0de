"""Put contracts in force, with what is normal learnt from a file or from the topics."""

import getpass
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._applied import contracts_of, learnt

if TYPE_CHECKING:
    from anchorwatch.runtime.apply import Learnt


def command(
    files: Annotated[list[Path], typer.Argument(help="Contract files, or folders of them.", metavar="FILE...")],
    reference: Annotated[
        Path | None, typer.Option(help="Rows of a quiet time: .csv or .jsonl, also .gz. Else the topics are read.")
    ] = None,
    relearn: Annotated[bool, typer.Option("--relearn", help="Learn anew although the reference in force still fits.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for those who look back.")] = "",
    actor: Annotated[str | None, typer.Option(help="Who applies it; else your login name.")] = None,
    effective_from: Annotated[str, typer.Option(help="now, or a time as 2026-09-01T06:00:00Z: the first window that it covers.")] = "now",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be in force; write nothing.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The settings file; else $ANCHORWATCH_SETTINGS, else ./anchorwatch.yaml.")] = None,
    bootstrap: Annotated[str | None, typer.Option(help="host:port of Kafka; wins over file and variable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """All contracts or none. What is not learnt anew keeps its reference, and a monitor whose definition stays keeps its evidence."""
    from anchorwatch.config import load
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime import apply
    from anchorwatch.runtime.contracts import in_force

    found = contracts_of(files)
    if reference is not None and len(found) != 1:
        raise ConfigError(f"--reference goes with one contract, not {len(found)}; apply them one by one")
    needs_kafka = not (dry_run and reference is not None)
    settled = load(
        settings, os.environ, {"kafka.bootstrap.servers": bootstrap} if bootstrap else {}, **({} if needs_kafka else {"needs": ()})
    )
    before = in_force(settled) if needs_kafka else {}
    said = {"reason": reason, "actor": actor or _who()}
    made = learnt(settled, found, before, reference, effective_from, said, relearn=relearn)
    records = [apply.record(settled, each.applied) for each in made]
    if not dry_run:
        apply.write(settled, records)
    _tell(made, dry_run=dry_run, as_json=as_json)


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _tell(made: "list[Learnt]", *, dry_run: bool, as_json: bool) -> None:
    from anchorwatch.runtime import apply
    from anchorwatch.runtime.normal import day

    if as_json:
        typer.echo(json.dumps({"applied": not dry_run, "contracts": [apply.as_json(each) for each in made]}, ensure_ascii=False, indent=2))
        return
    begins = ", ".join(sorted({day(each.applied.effective_from_ms) for each in made}))
    for each in made:
        for line in apply.told(each):
            typer.echo(line)
    if dry_run:
        sys.stderr.write("nothing was written (--dry-run)\n")
    else:
        typer.echo(f"✓ {len(made)} {'contract' if len(made) == 1 else 'contracts'} in force from the first window at or after {begins}")
