"""What a team promises about a model: a YAML file, read with every error at once. No I/O: text in, contract out.

`parse` and `from_json` are the two ways to a `Contract`; `check` says besides what this version does not judge and what it filled in.
"""

from datetime import tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from anchorwatch.contract.alike import disputes
from anchorwatch.contract.faults import Rule, validate
from anchorwatch.contract.judged import defaulted, not_judged, refused
from anchorwatch.contract.model import JOINED, READ, Contract, Feature, Input, Owner
from anchorwatch.contract.reading import Places, read, shown_path
from anchorwatch.contract.rules import FORMATS, WATCHES, kind, normal_segment
from anchorwatch.contract.schema import schema_of
from anchorwatch.errors import ContractError

__all__ = [
    "JOINED",
    "READ",
    "Catalogue",
    "Checked",
    "Contract",
    "Feature",
    "Input",
    "Owner",
    "check",
    "disputes",
    "from_json",
    "json_schema",
    "not_judged",
    "parse",
    "to_json",
]


class Catalogue(NamedTuple):
    """Names that contracts may use. `detectors` None: any name is taken, and found out when it is loaded."""

    watches: frozenset[str] = WATCHES
    detectors: frozenset[str] | None = None
    formats: frozenset[str] = FORMATS


class Checked(NamedTuple):
    contract: Contract
    defaulted: list[str]
    not_judged: list[str]


def parse(text: str, origin: str, catalogue: Catalogue | None = None, *, owned: bool = True, runnable: bool = False) -> Contract:
    """The contract of a file. `owned=False`: one without an owner is taken too, for the judge to alert `NoOwner`.

    `runnable`: refuse also what this version would read wrongly: formats that it does not know, or that do not hold such events.
    Raises ContractError with every problem: path, value, reason and `(origin:line)`.
    """
    tree, places, problems = read(text, origin)
    return _contract(tree, places, problems, catalogue, owned=owned, rules=(Rule((), refused),) if runnable else ())


def check(text: str, origin: str, catalogue: Catalogue | None = None) -> Checked:
    """A runnable contract, what was filled in that matters, and what is not judged yet. Raises as `parse`."""
    contract = parse(text, origin, catalogue, runnable=True)
    return Checked(contract, defaulted(contract), not_judged(contract))


def unsupported(contract: Contract) -> list[str]:
    """What this version would read wrongly, a sentence each; empty: it can be run."""
    return [f"{shown_path(path)}: {reason}" for path, reason in refused(contract)]


def from_json(content: dict[str, Any], origin: str, catalogue: Catalogue | None = None, *, owned: bool = True) -> Contract:
    """What `to_json` wrote, as it travels in `contracts`. Raises as `parse`."""
    return _contract(content, Places(origin), [], catalogue, owned=owned)


def to_json(contract: Contract) -> dict[str, Any]:
    """In the shape of the file, durations and times as text; what equals a default is left out. `from_json` gives an equal contract."""
    return contract.as_json()


def _contract(
    tree: Any,
    places: Places,
    problems: list[str],
    catalogue: Catalogue | None,
    *,
    owned: bool,
    rules: tuple[Rule[Contract], ...] = (),
) -> Contract:
    if tree is None:
        raise ContractError(problems or [f"this file: holds nothing ({places.origin})"])
    names = catalogue or Catalogue()
    wanted = kind(names.watches, names.detectors, names.formats, owned=owned)
    wanted = wanted._replace(rules=(*wanted.rules, *rules))
    contract, faults = validate(wanted, tree, places, {"zone": _zone(tree)})
    if contract is None or problems:
        raise ContractError([*problems, *faults])
    return _settled(contract)


def _zone(tree: Any) -> tzinfo | None:
    """Dates mean midnight in the contract's zone; a wrong one is reported by its rule."""
    name = tree.get("timezone") if isinstance(tree, dict) else None
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (ValueError, OSError, KeyError):
        return None


def _settled(contract: Contract) -> Contract:
    """Segments in the order of their grouping; of two classes the second is the positive one."""
    changes: dict[str, Any] = {}
    segments, labels = contract.segments, contract.labels
    always = tuple(dict.fromkeys(normal_segment(written, segments.by) for written in segments.always))
    if always != segments.always:
        changes["segments"] = segments.model_copy(update={"always": always})
    if labels.positive is None and len(labels.classes) == 2:
        settled = labels.model_copy(update={"positive": labels.classes[1]})
        settled.model_fields_set.discard("positive")
        changes["labels"] = settled
    return contract.model_copy(update=changes) if changes else contract


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 for editors; what it cannot say (one part about another) `check` does."""
    schema = schema_of(Contract, "contract.schema.json", "Anchorwatch model contract")
    schema["required"] = [*schema["required"], "owner"]
    schema["$defs"]["Owner"]["required"] = ["team"]
    return schema
