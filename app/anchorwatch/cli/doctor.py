"""What is wrong with this installation? A line for each fault and a line for how to mend it."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of

if TYPE_CHECKING:
    from anchorwatch.config import Settings
    from anchorwatch.contract import Contract


def command(
    contract: Annotated[
        list[Path] | None, typer.Option("--contract", help="Contract files, or folders of them, beside those in force; may be repeated.")
    ] = None,
    acl: Annotated[
        bool, typer.Option("--acl", help="Print the rights that each role needs, as commands of kafka-acls; asks nothing else.")
    ] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Looks at Kafka, topics, records, workers and owners. Writes nothing, joins no group. Leaves with 1 when a fault was found."""

    settled = settings_of(settings, bootstrap)
    given = _given(contract or [])
    if acl:
        _rights(settled, given, as_json=as_json)
        return
    from anchorwatch.runtime import doctor
    from anchorwatch.runtime.doctor.gather import gather

    logging.getLogger("anchorwatch").setLevel(logging.CRITICAL)  # what the clients say of each attempt is told once, as a fault
    found = doctor.examine(gather(settled, given))
    if as_json:
        typer.echo(json.dumps({"found": [told._asdict() for told in found]}, ensure_ascii=False, indent=2))
    else:
        for line in doctor.lines(found):
            typer.echo(line)
    faults = sum(told.mark == "fault" for told in found)
    if not as_json:
        typer.echo(f"{faults} {'fault' if faults == 1 else 'faults'}" if faults else "nothing wrong was found")
    if faults:
        raise typer.Exit(1)


def _given(paths: list[Path]) -> "list[Contract]":
    """Also such as this version cannot run yet: saying so is what `doctor` is for. Raises ContractError, ConfigError."""
    from anchorwatch.config import contract_files, text_of
    from anchorwatch.contract import parse

    files = [file for path in paths for file in (contract_files(path) if path.is_dir() else [path])]
    return [parse(text_of(file, "contract"), str(file), owned=False) for file in files]


def _rights(settings: "Settings", given: "list[Contract]", *, as_json: bool) -> None:
    from anchorwatch.contract import from_json
    from anchorwatch.errors import AnchorwatchError
    from anchorwatch.runtime import contracts, rights

    known = {each.key: each for each in given}
    try:
        applied = [*contracts.of_folder(settings), *contracts.in_force(settings).values()]
    except AnchorwatchError:  # Kafka refuses us: that is when the rights are asked for
        applied = contracts.of_folder(settings)
    for each in applied:
        found = from_json(each.contract, "contracts", owned=False)
        known.setdefault(found.key, found)
    feeds = settings.feeds(known.values())
    wanted = {role: rights.rights(settings, role, feeds, role) for role in rights.ROLES}
    if as_json:
        typer.echo(json.dumps({"rights": {role: [right._asdict() for right in found] for role, found in wanted.items()}}, indent=2))
        return
    for role, granted in wanted.items():
        typer.echo(f"# {role}: {rights.MEANING[role]}")
        for right in granted:
            typer.echo(right.command(role))
