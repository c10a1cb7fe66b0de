"""Put contracts in force, with what is normal learnt from a file or from the topics."""

import getpass
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._applied import Files, ReferenceRows, contracts_of, learnt
from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of

if TYPE_CHECKING:
    from anchorwatch.runtime.apply import Learnt


def command(
    files: Files,
    reference: ReferenceRows = None,
    relearn: Annotated[bool, typer.Option("--relearn", help="Learn anew although the reference in force still fits.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for those who look back.")] = "",
    actor: Annotated[str | None, typer.Option(help="Who applies it; else your login name.")] = None,
    effective_from: Annotated[str, typer.Option(help="now, or a time as 2026-09-01T06:00:00Z: the first window that it covers.")] = "now",
    create_topics: Annotated[
        bool, typer.Option("--create-topics", help="Make what is missing of our topics first, as `topics create` does.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be in force; write nothing.")] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """All contracts or none. What is not learnt anew keeps its reference, and a monitor whose definition stays keeps its evidence."""
    from anchorwatch.runtime import apply
    from anchorwatch.runtime.contracts import in_force
    from anchorwatch.runtime.layout import complete

    found = contracts_of(files, reference, "apply")
    needs_kafka = not (dry_run and reference is not None)
    settled = settings_of(settings, bootstrap, needs=None if needs_kafka else ())
    if create_topics and not dry_run:
        for name in complete(settled, found):
            typer.echo(f"✓ topic {name} made", err=as_json)
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
