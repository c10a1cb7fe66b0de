"""From other people's topics to a contract: what is there, what it means, what is missing and what that costs.

sides = read(settings, topic, outcomes)        the newest records of both topics; joins no group
made = write(*sides, ...)                      the text of a contract that `contract check` takes
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anchorwatch import contract as contracts
from anchorwatch.contract import Contract
from anchorwatch.contract.values import duration_text
from anchorwatch.errors import ConfigError, ContractError, OurError
from anchorwatch.runtime.doctor.people import PLACEHOLDER
from anchorwatch.runtime.doctor.topics import rekeyed
from anchorwatch.runtime.init import text
from anchorwatch.runtime.init.opened import Side
from anchorwatch.runtime.init.proposal import Proposal, propose
from anchorwatch.runtime.init.times import Times, measure


@dataclass(frozen=True)
class Made:
    text: str
    contract: Contract
    proposal: Proposal
    times: Times


def write(predictions: Side, outcomes: Side | None, now_ms: int, *, model: str = "", owner: str = "") -> Made:
    """Raises ConfigError: the topics do not say enough."""
    proposal = propose(predictions, outcomes, model)
    rekeys = bool(rekeyed("outcomes"))

    def as_text(known: Times) -> str:
        return text.contract(
            proposal, known, owner or f"group:default/{PLACEHOLDER}", owner_named=bool(owner), rekeys=rekeys
        )  # fmt: skip

    draft = _parsed(as_text(Times()))
    known = measure(draft, predictions, outcomes, now_ms)
    final = as_text(known)
    return Made(final, _parsed(final), proposal, known)


def _parsed(written: str) -> Contract:
    try:
        return contracts.parse(written, "init", runnable=True)
    except ContractError as error:
        raise OurError(f"the contract that was written does not pass its own check:\n{error}\n{written}") from error


def told(made: Made) -> Sequence[str]:
    """For the person who asked."""
    found = made.proposal
    lines = [made.times.readable]
    lines += [f"found     {len(found.features)} features, segments by {', '.join(s.name for s in found.segments) or 'nothing'}"]
    if found.classes:
        lines.append(f"classes   {', '.join(found.classes[:8])}" + (f", positive {found.positive}" if found.positive else ""))
    if made.times.typical:
        lines.append(f"labels    half after {duration_text(made.times.typical)}, 95 % after {duration_text(made.times.late)}")
    if found.keyed.why:
        odd = " and ".join(role for role in ("predictions", "outcomes") if not getattr(found.keyed, role))
        way = f"{odd}: keyed: false" if rekeyed("outcomes") else "until then outcomes will not meet their predictions"
        lines.append(f"keyed     {found.keyed.why}; {way}")
    lines += [f"missing   {cost}" for _, cost in found.missing]
    return lines


def to_fill_in(made: Made, file: Path, settings: Path | None) -> Sequence[str]:
    """What only a person knows, a line each: the edits without which the contract is not whole. settings: the file that was written with it."""
    lines = []
    if PLACEHOLDER in made.contract.owner.team:
        also = f", and fallback_owner in {settings}" if settings else ""
        lines.append(f"owner.team in {file}{also}: who is woken (--owner says it beforehand)")
    if made.proposal.feature_names:
        lines.append(
            f"the names of the model's inputs in {file}: f0, f1, ... under feature_names and features, if you want to read them in alerts"
        )
    return lines


def save(made: Made, file: Path) -> None:
    """The contract, and beside it the schema that its first line names, for editors. Raises ConfigError."""
    schema = file.parent / text.SCHEMA
    try:
        schema.parent.mkdir(parents=True, exist_ok=True)
        schema.write_text(json.dumps(contracts.json_schema(), indent=1), "utf-8")
        file.write_text(made.text, "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}; name another by --out") from error
