"""Where does a foreign event hold what ours call `prediction_id`, `score`, `features.amount`? The paths of `source.*.fields`, and their rules."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from anchorwatch.contract.faults import Fault, nearest
from anchorwatch.contract.values import Unfit
from anchorwatch.events import Complaint, Decision, Outcome, Prediction

if TYPE_CHECKING:
    from anchorwatch.contract.model import Contract, Input

Steps = tuple[str | int, ...]

OF_ROLE: dict[str, frozenset[str]] = {
    "predictions": frozenset(Prediction.__struct_fields__) - {"feature_meta"},
    "outcomes": frozenset(Outcome.__struct_fields__),
    "decisions": frozenset(Decision.__struct_fields__),
    "complaints": frozenset(Complaint.__struct_fields__),
}
INSTANTS = frozenset(("predicted_at_ms", "requested_at_ms", "known_at_ms", "decided_at_ms", "complained_at_ms"))
TIMES = INSTANTS | {"latency_ms"}  # what may have a unit
GROUPS = ("features", "segments", "scores")  # `features.amount`: one entry of a mapping
NEEDED = {"outcomes": "label", "decisions": "action"}
STEPS_MAX = 20
_STEP = re.compile(r"""\.?([^.\[\]"'\s](?:[^.\[\]"']*[^.\[\]"'\s])?)|\[(\d{1,6})\]|\["([^"]+)"\]|\['([^']+)'\]""")


def steps(path: str) -> Steps:
    """The names and places that lead to a value; () for `$`, the whole document. Raises Unfit.

    >>> steps("payload.scores[0]"), steps('$.tags["geo.country"]'), steps("$")
    (('payload', 'scores', 0), ('tags', 'geo.country'), ())
    """
    rest = path.strip()
    if rest == "$":
        return ()
    if rest.startswith(("$.", "$[")):
        rest = rest[1:]
    elif rest.startswith("."):
        raise Unfit("begins with a dot; write payload.id, or $.payload.id")
    found: list[str | int] = []
    while rest:
        match = _STEP.match(rest)
        if match is None or (found and match[1] and not rest.startswith(".")):
            raise Unfit(f'is no path at "{rest[:20]}"; write payload.id, items[0].id, or tags["geo.country"] for a name with a dot')
        name, place, *quoted = match.groups()
        found.append(int(place) if place is not None else name or next(each for each in quoted if each))
        rest = rest[match.end() :]
    if not 1 <= len(found) <= STEPS_MAX:
        raise Unfit(f"must have 1 to {STEPS_MAX} steps")
    return tuple(found)


def written(path: Steps) -> str:
    """As a person would write it: `$.payload.scores[0]`.

    >>> written(("payload", "scores", 0)), written(("a.b",)), written(())
    ('$.payload.scores[0]', '$["a.b"]', '$')
    """
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else _named(step) for step in path)


def _named(step: str) -> str:
    return f".{step}" if _STEP.fullmatch(f".{step}") else f'["{step}"]'


def names(contract: "Contract") -> Iterator[Fault]:
    """Only fields that ours have, and a unit only where one belongs."""
    for role, known in OF_ROLE.items():
        source: Input = contract.source.of(role)
        for name, place in source.fields.items():
            at = ("source", role, "fields", name)
            if reason := _no_such_field(contract, name, known):
                yield at, reason
            elif place.unit and name not in TIMES:
                yield at, f"has no unit; only times have one: {', '.join(sorted(TIMES & known))}"


def complete(contract: "Contract") -> Iterator[Fault]:
    """Nothing needed is left without a place."""
    for role in OF_ROLE:
        for key, reason in _lacking(contract, role, contract.source.of(role)):
            yield ("source", role, key), reason


def _no_such_field(contract: "Contract", name: str, known: frozenset[str]) -> str:
    """Why nothing of ours has this name; "" when it has."""
    group, dot, entry = name.partition(".")
    if not dot:
        return "" if name in known else f"is no field of ours; {nearest(name, known)}"
    if group not in GROUPS or group not in known or not entry:
        return (
            f"is no field of ours; entries are written {', '.join(f'{each}.<name>' for each in GROUPS if each in known) or 'nowhere here'}"
        )
    declared = {
        "features": set(contract.features),
        "segments": {dimension for grouping in contract.segments.by for dimension in grouping},
        "scores": set(contract.labels.classes),
    }[group]
    what = {"features": "feature", "segments": "name in segments.by", "scores": "class"}[group]
    return f"is no {what} of this contract; {nearest(entry, declared)}" if declared and entry not in declared else ""


def _lacking(contract: "Contract", role: str, source: "Input") -> Iterator[tuple[str, str]]:
    """(key of the source, what is wrong), of what only `fields` can say, and of what says how a score becomes an answer."""
    if source.format == "json" and (needed := NEEDED.get(role)) and needed not in source.fields:
        yield "fields", f"must name {needed}: format json reads nothing that is not named"
    if role != "predictions":
        for key in ("threshold", "feature_names"):
            if getattr(source, key):
                yield key, "belongs to predictions alone; leave it out"
        return
    answered = {name.partition(".")[0] for name in source.fields}
    if source.threshold is not None and (contract.task != "binary" or len(contract.labels.classes) != 2):
        yield "threshold", "turns the score of a binary model into its answer; leave it out, and name prediction or scores"
    if source.format == "json" and not answered & {"prediction", "scores"} and not ("score" in answered and source.threshold is not None):
        yield "fields", "must name prediction, or scores (the largest is the answer), or score with a threshold beside fields"
    known = {*contract.features, *(dimension for grouping in contract.segments.by for dimension in grouping)}
    for name in source.feature_names:
        if contract.features and name not in known:
            yield "feature_names", f'"{name}" is no feature of this contract, and no segment; {nearest(name, known)}'
    if len(set(source.feature_names)) < len(source.feature_names):
        yield "feature_names", "names one twice; a list has one name a place"
