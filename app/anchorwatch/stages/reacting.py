"""What one batch of decisions or complaints of one model does, and what is told of it: the part of `Intake` that only some models need."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anchorwatch.events import Role
from anchorwatch.stages.model_ingest import REACTIONS, ModelIngest, hashes_of
from anchorwatch.stages.reactions import Hashes
from anchorwatch.stages.registry import Version

if TYPE_CHECKING:
    from anchorwatch.stages.intake import Batch, Intake

HORIZONS: dict[Role, str] = {kind.role: horizon for horizon, kind in REACTIONS.items()}


def take(intake: "Intake", version: Version, model: ModelIngest, role: Role, batch: "Batch") -> None:
    layout, horizon = version.layout, HORIZONS[role]
    if horizon not in layout.reactions:  # of a model that shares the topic with one that expects them
        tell(intake, version, role, {"unexpected": len(batch.records)})
        return
    tell(intake, version, role, model.react(layout, horizon, batch.records, hashes_of(batch.ids), batch.at)._asdict())


def meet(intake: "Intake", version: Version, model: ModelIngest, hashes: Hashes) -> None:
    """Predictions came, for which some had waited."""
    for each in model.reactions.values():
        tell(intake, version, each.role, {"joined": each.table.meet(hashes)})


def gone(intake: "Intake", version: Version, model: ModelIngest, watermark_ms: int, most_bytes: int) -> None:
    """Those that are final leave, and the oldest of a kind where they are too many."""
    for horizon, each in model.reactions.items():
        unmatched = each.leave(watermark_ms, version.layout, model.closed.get(horizon, -1))
        tell(intake, version, each.role, {"unmatched": unmatched, "expired": each.squeeze(most_bytes)})


def tell(intake: "Intake", version: Version, role: Role, results: Mapping[str, int]) -> None:
    contract = version.contract
    for result, n in results.items():
        if n:
            intake.note(contract.key, f"{role.removesuffix('s')}.{result}", n)
            intake.report.count(f"anchorwatch.{role}", n, result=result, environment=contract.environment, model=contract.model)
