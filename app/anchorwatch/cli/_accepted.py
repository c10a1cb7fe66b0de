"""What `alerts accept` does, and says of it."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from anchorwatch.cli._alerts_shown import clean
from anchorwatch.cli._waiting import Waiting
from anchorwatch.config import Settings
from anchorwatch.contract import Contract
from anchorwatch.errors import ConfigError
from anchorwatch.events import Alert
from anchorwatch.runtime import accept as accepting
from anchorwatch.runtime.accept import Moved, Times, Verdict
from anchorwatch.runtime.drive import Event
from anchorwatch.runtime.normal import day, stood


def accept(settings: Settings, alerts: Sequence[Alert], target: str, said: Mapping[str, str], *, dry_run: bool) -> Verdict:
    """Raises ConfigError, ContractError, Unreachable."""
    models = {(alert.labels["environment"], alert.labels["model"]) for alert in alerts}
    if target in {"/".join(model) for model in models}:
        raise ConfigError(
            f"accept {target}: names a whole model; name an alert or incident, or learn all anew: anchorwatch apply --relearn"
        )
    before, say = accepting.in_force_of(settings, alerts[0]), Waiting("accept")

    def read(contract: Contract, times: Times) -> list[Event]:
        events, trouble = stood(settings, contract, times, say)
        if trouble:
            sys.stderr.write(f"accept: {trouble.strip()}\n")
        return events

    verdict = accepting.accept(before, alerts, said, time.time_ns() // 1_000_000, read)
    if not dry_run:
        accepting.write(settings, verdict)
    return verdict


def tell(verdict: Verdict, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(_as_json(verdict, dry_run=dry_run)).decode() + "\n")
        return
    for moved in verdict.moved:
        sys.stdout.write(clean(_line(moved)) + "\n")
    for why in verdict.refused:
        sys.stdout.write(clean(f"not accepted: {why}") + "\n")
    if dry_run:
        sys.stderr.write("nothing was written (--dry-run)\n")
        return
    n = len(verdict.moved)
    begins = day(verdict.applied.effective_from_ms)
    sys.stdout.write(f"✓ in force from the first window at or after {begins}, when {'the alert ends' if n == 1 else f'{n} alerts end'}\n")


def _line(moved: Moved) -> str:
    unit = moved.after.unit
    rows, since = moved.normal.rows, day(moved.normal.from_ms)
    usual = (
        f"usually {_number(moved.before.reference, unit)}, now {_number(moved.after.reference, unit)}; "
        if moved.after.reference is not None
        else ""
    )
    line = f"line {_number(moved.before.line, unit)}, now {_number(moved.after.line, unit)}; " if unit != "rank" else "another histogram; "
    return f"{moved.before.key}: {usual}{line}by {rows:,} predictions since {since}"


def _number(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:.4g}" + ("" if unit in ("1", "rank") else f" {unit}")


def _as_json(verdict: Verdict, *, dry_run: bool) -> dict[str, Any]:
    moved = [
        {
            "alert": each.alert.id, "monitor": each.before.key, "rows": each.normal.rows, "from_ms": each.normal.from_ms,
            "to_ms": each.normal.to_ms, "line_before": each.before.line, "line": each.after.line,
            "reference_before": each.before.reference, "reference": each.after.reference, "phi": list(each.normal.phi),
        }
        for each in verdict.moved
    ]  # fmt: skip
    applied = verdict.applied
    said = {"actor": applied.actor, "reason": applied.reason, "effective_from_ms": applied.effective_from_ms}
    return {"applied": not dry_run, **said, "accepted": moved, "refused": verdict.refused}
