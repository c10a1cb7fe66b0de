"""What one batch of decisions of one model does, and what is told of it: the part of `Intake` that only some models need."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anchorwatch.stages.model_ingest import ModelIngest, hashes_of
from anchorwatch.stages.registry import Version
from anchorwatch.watches.layout import DECIDED

if TYPE_CHECKING:
    from anchorwatch.stages.intake import Batch, Intake


def take(intake: "Intake", version: Version, model: ModelIngest, batch: "Batch") -> None:
    layout = version.layout
    if layout.decision_ms is None:  # of a model that shares the topic with one that expects them
        tell(intake, version, {"unexpected": len(batch.records)})
        return
    tell(intake, version, model.decide(layout, batch.records, hashes_of(batch.ids), batch.at)._asdict())


def gone(intake: "Intake", version: Version, model: ModelIngest, watermark_ms: int, most_bytes: int) -> None:
    """Those that are final leave, and the oldest where they are too many."""
    unmatched = model.decisions.leave(watermark_ms, version.layout, model.closed.get(DECIDED, -1))
    tell(intake, version, {"unmatched": unmatched, "expired": model.decisions.squeeze(most_bytes)})


def tell(intake: "Intake", version: Version, results: Mapping[str, int]) -> None:
    contract = version.contract
    for result, n in results.items():
        if n:
            intake.note(contract.key, f"decision.{result}", n)
            intake.report.count("anchorwatch.decisions", n, result=result, environment=contract.environment, model=contract.model)
