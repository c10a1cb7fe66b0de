"""What would a change of contracts do? Monitors that go on, begin anew or come, and how soon a fault would be heard."""

import json
from typing import Annotated

import typer

from anchorwatch.cli._applied import Files, ReferenceRows, contracts_of, learnt
from anchorwatch.cli._settings import AsJson, Bootstrap, SettingsFile, settings_of


def command(
    files: Files,
    reference: ReferenceRows = None,
    relearn: Annotated[bool, typer.Option("--relearn", help="As if `apply --relearn` followed.")] = False,
    settings: SettingsFile = None,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Compares with what is in force in Kafka; writes nothing. Delays are simulated with the detectors and the budget of this fleet."""
    from anchorwatch.runtime import plan
    from anchorwatch.runtime.contracts import in_force

    found = contracts_of(files, reference, "plan")
    settled = settings_of(settings, bootstrap)
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
