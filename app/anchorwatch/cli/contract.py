"""Check model contracts: every problem at once, and what was filled in."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anchorwatch.cli._catalogue import catalogue_of
from anchorwatch.cli._settings import AsJson

if TYPE_CHECKING:
    from anchorwatch.contract import Contract

app = typer.Typer()


@app.callback()
def _contract() -> None:
    """Model contracts."""


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="Contract files, or folders of them.", metavar="FILE...")],
    as_json: AsJson = False,
) -> None:
    """Read contracts as the judge would. Leaves with 2 when one has a problem; changes nothing, asks no Kafka."""
    from anchorwatch.config import contract_files
    from anchorwatch.contract import disputes

    named = [file for path in files for file in (contract_files(path) if path.is_dir() else [path])]
    read = [_checked(file) for file in named]
    results = [result for result, _ in read]
    for result, again in zip(results, _again(results), strict=True):
        result["problems"] += again
    across = disputes(contract for _, contract in read if contract)
    if as_json:
        typer.echo(json.dumps({"contracts": results, "problems": across}, ensure_ascii=False, indent=2))
    else:
        _tell(results)
        sys.stderr.write("".join(f"✗ {problem}\n" for problem in across))
    if not results or across or any(result["problems"] for result in results):
        raise typer.Exit(2)


def _checked(file: Path) -> "tuple[dict[str, Any], Contract | None]":
    from anchorwatch.config import text_of
    from anchorwatch.contract import check as read
    from anchorwatch.errors import ConfigError, ContractError

    result: dict[str, Any] = {"file": str(file), "model": None, "environment": None, "id": None}
    result |= {"problems": [], "filled_in": [], "not_judged": []}
    try:
        text = text_of(file, "contract")
        contract, filled_in, not_judged = read(text, str(file), catalogue_of(text))
    except ContractError as error:
        return result | {"problems": error.problems}, None
    except ConfigError as error:
        return result | {"problems": [str(error)]}, None
    about = {"model": contract.model, "environment": contract.environment, "id": contract.id}
    return result | about | {"filled_in": filled_in, "not_judged": not_judged}, contract


def _again(results: list[dict[str, Any]]) -> list[list[str]]:
    """A model of one environment has one contract."""
    first: dict[tuple[str, str], str] = {}
    problems: list[list[str]] = []
    for result in results:
        key = (result["environment"], result["model"])
        other = first.setdefault(key, result["file"]) if result["model"] else result["file"]
        twice = other != result["file"]
        problems.append(
            [f"model = {result['model']}: is in {other} too, for the same environment; keep one ({result['file']})"] if twice else []
        )
    return problems


def _tell(results: list[dict[str, Any]]) -> None:
    for result in results:
        for problem in result["problems"]:
            sys.stderr.write(f"✗ {problem}\n")
        if result["problems"]:
            continue
        typer.echo(f"✓ {result['model']} {result['environment']}: fine")
        for line in result["filled_in"]:
            typer.echo(f"    filled in    {line}")
        for line in result["not_judged"]:
            typer.echo(f"    not judged   {line}")
    if faulty := sum(bool(result["problems"]) for result in results):
        sys.stderr.write(
            f"{faulty} of {len(results)} {'contract' if len(results) == 1 else 'contracts'} with problems; nothing was changed\n"
        )
    elif not results:
        sys.stderr.write("✗ no contract there: *.yaml or *.yml; write one file a model\n")
