"""From a contract file to what is in force: checked, with what is normal learnt from rows or topics, written to `contracts`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import confluent_kafka as ck
import msgspec

from anchorwatch import contract as contracts
from anchorwatch.config import Settings
from anchorwatch.contract import Contract
from anchorwatch.contract.values import duration_text
from anchorwatch.engine.refusals import REFUSED_ACCESS, Right
from anchorwatch.engine.settings import WRITING, producer
from anchorwatch.errors import ConfigError, ContractError, Unreachable
from anchorwatch.events import Applied, Record
from anchorwatch.runtime.rows import Cell, instant
from anchorwatch.stages.reference import reference_from_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import WHOLE, Monitor
from anchorwatch.watches.layout import Layout

APPLIED_BYTES_MAX = 1_000_000  # Kafka's own limit of a record
PHI_TOLD, GROWTH_TOLD = 1.5, 1.3
LINES_TOLD = 12


class Learnt(NamedTuple):
    """What will be in force, and where its reference came from, in words."""

    applied: Applied
    contract: Contract
    origin: str


def from_file(contract: Contract, path: Path) -> dict[str, Any]:
    """Raises ConfigError with lines, ContractError: too few rows."""
    from anchorwatch.runtime.backtest import learned, read  # with both stages, a second that `--dry-run` of a kept one need not wait

    return learned(contract, read(path, contract))


# what was in force before


def keeps_reference(contract: Contract, before: Applied) -> bool:
    """Does what was normal under the contract before stay so? It does unless what is counted, or when, was changed."""
    try:
        old = contracts.from_json(before.contract, "contracts", owned=False)
    except ContractError:
        return False
    parts = [
        (
            c.task,
            c.features,
            c.segments,
            c.reference.model_copy(update={"learn": 0}),
            c.labels.classes,
            c.labels.positive,
            c.timezone,
            c.labels.delay,
            set(c.promises.alive.siblings),
        )
        for c in (old, contract)
    ]
    return parts[0] == parts[1]


# writing


def record(settings: Settings, applied: Applied) -> Record:
    """Raises ConfigError when it is too large for Kafka."""
    contract = contracts.from_json(applied.contract, "contract", owned=False)
    value = msgspec.json.encode(applied)
    if len(value) > APPLIED_BYTES_MAX:
        raise ConfigError(
            f"contract and reference of {contract.key} have {len(value):,} bytes, Kafka takes {APPLIED_BYTES_MAX:,}; "
            "declare fewer segments or features"
        )
    return Record(settings.topic("contracts"), 0, contract.key.encode(), value)


def write(settings: Settings, records: Sequence[Record], still: Callable[[], bool] = lambda: True) -> bool:
    """All of them or none: one transaction. False: `still`, asked when no other `apply` can write before us, said no.

    Raises Unreachable, ConfigError.
    """
    name = f"{settings.topics.prefix}apply"
    client = producer(settings.kafka, WRITING, {"transactional.id": name})
    refused: list[ck.KafkaError] = []

    def delivered(error: ck.KafkaError | None, _: ck.Message) -> None:
        if error is not None and error.code() in REFUSED_ACCESS:
            refused.append(error)

    try:
        client.init_transactions(30)
        if not still():
            return False
        client.begin_transaction()
        for each in records:
            client.produce(each.topic, each.value, each.key, partition=each.partition, on_delivery=delivered)
        client.commit_transaction(30)
    except ck.KafkaException as error:
        if error.args[0].code() in REFUSED_ACCESS:
            raise client.reasons.refused(error.args[0], Right("Write", "transactional-id", name)) from error
        if refused:
            raise client.reasons.refused(refused[0], Right("Write", "topic", settings.topic("contracts"))) from error
        raise Unreachable(f"Kafka did not take the contracts: {error.args[0].str()}; nothing is in force that was not before") from error
    return True


# words


def told(learnt: Learnt) -> list[str]:
    """What a person should know of it, a line each."""
    contract, applied = learnt.contract, learnt.applied
    reference = reference_from_json(applied.reference) if applied.reference else None
    layout = Layout(contract, reference, catalogue())
    if reference is None:
        return [
            f"{contract.model} {contract.environment}   learning: {learnt.origin}",
            "  judged until then: promises of the contract, and what needs no statistics (silence, unknown fields, flags)",
            f"  learns by itself from its first events: {duration_text(contract.reference.learn)} of one regime",
        ]
    lines = [
        f"{contract.model} {contract.environment}   {reference.rows:,} predictions, {reference.labelled:,} with a label, {learnt.origin}",
        f"  segments  {len(reference.segments)} listed: {_some(reference.segments)}; all else is `other`",
    ]
    monitors = layout.monitors
    main = [monitor for monitor in monitors if monitor.segment == WHOLE and monitor.line]  # 0: any move counts
    lines += [f"  line      {_line(monitor)}" for monitor in sorted(main, key=lambda m: (m.news, not m.harm))[:LINES_TOLD]]
    lines += clumping_told(reference.phi, reference.growth)
    lines += [f"  waiting   {why}" for why in layout.waits]
    if not reference.labelled:
        lines.append("  learning  quality: no row has a label yet")
    return lines


def _line(monitor: Monitor) -> str:
    unit = f" {monitor.unit}" if monitor.unit != "1" else ""
    usual = "" if monitor.reference is None else f", usually {monitor.reference:.4g}{unit}"
    return f"{monitor.watch}:{monitor.subject} at {monitor.line:.4g}{unit}{usual}{', beyond it is news' if monitor.news else ''}"


def clumping_told(phi: Mapping[str, tuple[float, ...]], growth: Mapping[str, float]) -> list[str]:
    """Monitors whose numbers come in clumps, so that a change shows later than independent events would show it."""
    clumped = sorted(((max(values), key) for key, values in phi.items() if max(values) > PHI_TOLD), reverse=True)
    lines = [f"  clumping  {key} wanders (phi {value:.3g}): changes show later" for value, key in clumped[:5]]
    growing = sorted(((value, key) for key, value in growth.items() if value > GROWTH_TOLD), reverse=True)
    lines += [
        f"  growth    {key} wanders more the longer one looks ({value:.3g}): is the reference one quiet time?" for value, key in growing[:5]
    ]
    more = max(len(clumped) - 5, 0) + max(len(growing) - 5, 0)
    return [*lines, f"            and {more} more"] if more else lines


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") if names else "none"


def as_json(learnt: Learnt) -> dict[str, Any]:
    reference = learnt.applied.reference or {}
    return {
        "model": learnt.contract.model,
        "environment": learnt.contract.environment,
        "contract": learnt.contract.id,
        "reference": reference.get("id"),
        "rows": reference.get("rows", 0),
        "labelled": reference.get("labelled", 0),
        "segments": list(reference.get("segments", ())),
        "origin": learnt.origin,
        "effective_from_ms": learnt.applied.effective_from_ms,
        "learning": learnt.applied.reference is None,
    }


def effective(text: str, contract: Contract, now_ms: int) -> int:
    """`now`, or a date or time as contracts have them. Raises ConfigError."""
    if text == "now":
        return now_ms
    try:
        return instant(text, ZoneInfo(contract.timezone))
    except Cell as error:
        raise ConfigError(f"--effective-from {text}: {error}, or now") from error
