"""What would a change of contracts do? Monitors that go on, begin anew or come, and how soon a fault would be heard."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from anchorwatch.cli._applied import contracts_of, learnt


def command(
    files: Annotated[list[Path], typer.Argument(help="Contract files, or folders of them.", metavar="FILE...")],
    reference: Annotated[
        Path | None, typer.Option(help="Rows of a quiet time: .csv or .jsonl, also .gz. Else the topics are read.")
    ] = None,
    relearn: Annotated[bool, typer.Option("--relearn", help="As if `apply --relearn` followed.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The settings file; else $ANCHORWATCH_SETTINGS, else ./anchorwatch.yaml.")] = None,
    bootstrap: Annotated[str | None, typer.Option(help="host:port of Kafka; wins over file and variable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Compares with what is in force in Kafka; writes nothing. Delays are simulated with the detectors and the budget of this fleet."""
    from anchorwatch.config import load
    from anchorwatch.errors import ConfigError
    from anchorwatch.runtime import plan
    from anchorwatch.runtime.contracts import in_force

    found = contracts_of(files)
    if reference is not None and len(found) != 1:
        raise ConfigError(f"--reference goes with one contract, not {len(found)}; plan them one by one")
    settled = load(settings, os.environ, {"kafka.bootstrap.servers": bootstrap} if bootstrap else {})
    before = in_force(settled)
    made = learnt(settled, found, before, reference, "now", {"reason": "", "actor": "plan"}, relearn=relearn)
    weights = {key: float(each.contract.get("budget", {}).get("weight", 1.0)) for key, each in before.items()}
    weights |= {each.contract.key: each.contract.budget.weight for each in made}
    told = [
        plan.plan(
            before.get(each.contract.key), each.applied, each.origin, pages_per_month=settled.pages_per_month, weights=sum(weights.values())
        )
        for each in made
    ]
    if as_json:
        plans = [each._asdict() | {"delays": [delay._asdict() | {"hours": delay.hours} for delay in each.delays]} for each in told]
        typer.echo(json.dumps({"plans": plans}, ensure_ascii=False, indent=2))
        return
    for each in told:
        for line in plan.told(each):
            typer.echo(line)
    fleet = "1 model" if len(weights) == 1 else f"{len(weights)} models"
    typer.echo(f"budget: {settled.pages_per_month:g} false pages a month over {fleet}; nothing was written")
