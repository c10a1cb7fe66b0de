"""From files to what would be in force: asked alike by `apply`, which writes it, and `plan`, which only says what it would do."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._catalogue import catalogue_of

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.contract import Contract
    from anchorwatch.events import Applied
    from anchorwatch.runtime.apply import Learnt

Files = Annotated[list[Path], typer.Argument(help="Contract files, or folders of them.", metavar="FILE...")]
ReferenceRows = Annotated[
    Path | None, typer.Option("--reference", help="Rows of a quiet time: .csv or .jsonl, also .gz. Else the topics are read.")
]


def contracts_of(paths: list[Path], rows: Path | None, verb: str) -> "list[Contract]":
    """Raises ContractError with the problems of all files; ConfigError where `rows` would have to be of several models."""
    from anchorwatch.config import contract_files, text_of
    from anchorwatch.contract import disputes, parse
    from anchorwatch.errors import ConfigError, ContractError

    found: dict[str, Contract] = {}
    problems: list[str] = []
    for file in [file for path in paths for file in (contract_files(path) if path.is_dir() else [path])]:
        try:
            text = text_of(file, "contract")
            contract = parse(text, str(file), catalogue_of(text), runnable=True)
        except ContractError as error:
            problems += error.problems
            continue
        except ConfigError as error:  # not readable: told with the problems of all others
            problems.append(str(error))
            continue
        if contract.key in found:
            problems.append(f"model = {contract.model}: {contract.key} is there twice; keep one ({file})")
        found[contract.key] = contract
    if problems := problems or disputes(found.values()):
        raise ContractError(problems)
    if not found:
        raise ConfigError(f"{', '.join(map(str, paths))}: no contract there; name files, or a folder with *.yaml")
    if rows is not None and len(found) != 1:
        raise ConfigError(f"--reference goes with one contract, not {len(found)}; {verb} them one by one")
    return list(found.values())


def learnt(
    settings: "Settings", contracts: "list[Contract]", before: "dict[str, Applied]", rows: Path | None, effective_from: str,
    said: dict[str, str], *, relearn: bool,
) -> "list[Learnt]":  # fmt: skip
    """Raises ContractError: one of them reads a topic otherwise than what is in force beside it."""
    from anchorwatch.cli._waiting import Waiting
    from anchorwatch.contract import to_json
    from anchorwatch.events import Applied
    from anchorwatch.runtime import apply
    from anchorwatch.runtime.contracts import agree
    from anchorwatch.runtime.normal import Normal, from_topics

    agree(settings, contracts, before)
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
        applied = Applied(to_json(contract), said["actor"], now_ms, begin, said.get("reason", ""), reference)
        made.append(apply.Learnt(applied, contract, origin))
    return made
