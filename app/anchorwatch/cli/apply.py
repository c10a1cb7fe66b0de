"""Put contracts in force, with what is normal learnt from a file or from the topics."""

import getpass
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.contract import Contract
    from anchorwatch.events import Applied
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

    found = _contracts(files)
    if reference is not None and len(found) != 1:
        raise ConfigError(f"--reference goes with one contract, not {len(found)}; apply them one by one")
    needs_kafka = not (dry_run and reference is not None)
    settled = load(
        settings, os.environ, {"kafka.bootstrap.servers": bootstrap} if bootstrap else {}, **({} if needs_kafka else {"needs": ()})
    )
    before = in_force(settled) if needs_kafka else {}
    said = {"reason": reason, "actor": actor or _who()}
    made = _learnt(settled, found, before, reference, effective_from, said, relearn=relearn)
    records = [apply.record(settled, each.applied) for each in made]
    if not dry_run:
        apply.write(settled, records)
    _tell(made, dry_run=dry_run, as_json=as_json)


def _contracts(paths: list[Path]) -> "list[Contract]":
    """Raises ContractError with the problems of all files."""
    from anchorwatch.config import contract_files, text_of
    from anchorwatch.contract import Catalogue, parse
    from anchorwatch.errors import ConfigError, ContractError
    from anchorwatch.estimators.base import catalogue

    known = Catalogue(detectors=frozenset(catalogue()))
    found: dict[str, Contract] = {}
    problems: list[str] = []
    for file in [file for path in paths for file in (contract_files(path) if path.is_dir() else [path])]:
        try:
            contract = parse(text_of(file, "contract"), str(file), known, runnable=True)
        except ContractError as error:
            problems += error.problems
            continue
        except ConfigError as error:  # not readable: told with the problems of all others
            problems.append(str(error))
            continue
        if contract.key in found:
            problems.append(f"model = {contract.model}: {contract.key} is there twice; keep one ({file})")
        found[contract.key] = contract
    if problems:
        raise ContractError(problems)
    if not found:
        raise ConfigError(f"{', '.join(map(str, paths))}: no contract there; name files, or a folder with *.yaml")
    return list(found.values())


def _learnt(
    settings: "Settings", contracts: "list[Contract]", before: "dict[str, Applied]", rows: Path | None, effective_from: str,
    said: dict[str, str], *, relearn: bool,
) -> "list[Learnt]":  # fmt: skip
    from anchorwatch.cli._waiting import Waiting
    from anchorwatch.contract import to_json
    from anchorwatch.events import Applied
    from anchorwatch.runtime import apply
    from anchorwatch.runtime.normal import Normal, from_topics

    now_ms = time.time_ns() // 1_000_000
    known: dict[str, Normal] = {}
    if rows is not None:
        known = {contract.key: Normal(apply.from_file(contract, rows), f"from {rows}") for contract in contracts}
    elif not relearn:
        same = {key: each.reference for key, each in before.items() if each.reference}
        kept = [contract.key for contract in contracts if contract.key in same and apply.keeps_reference(contract, before[contract.key])]
        known = {key: Normal(same[key], "the reference in force is kept (--relearn learns anew)") for key in kept}
    known |= from_topics(settings, [contract for contract in contracts if contract.key not in known], now_ms, Waiting("apply"))
    made = []
    for contract in contracts:
        begin, (reference, origin) = apply.effective(effective_from, contract, now_ms), known[contract.key]
        applied = Applied(contract=to_json(contract), at_ms=now_ms, effective_from_ms=begin, reference=reference, **said)
        made.append(apply.Learnt(applied, contract, origin))
    return made


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
