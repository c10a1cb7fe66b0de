"""Which topics are keyed by the prediction's id, so that a prediction and its outcome lie on the same partition?"""

from typing import NamedTuple

from anchorwatch.contract.fields import Steps
from anchorwatch.events import canonical
from anchorwatch.runtime.doctor.joined import AGREE, ENOUGH, JAVA, explained
from anchorwatch.runtime.init import roles
from anchorwatch.runtime.init.opened import Opened, Side
from anchorwatch.sources.foreign.routes import BATCHED, event_of

UNKNOWN = "nothing that is known"


class Keyed(NamedTuple):
    """What `keyed` must say of each; `why`: in words, where one is to be written anew."""

    predictions: bool
    outcomes: bool
    why: str = ""


def keyed(predictions: Side, own_id: Steps | None, outcomes: Side | None, their_id: Steps | None) -> Keyed:
    """As few are written anew as will do: each is one hop more."""
    batched = predictions.opened.format in BATCHED
    mine = _by_id(predictions.opened, own_id, batched=batched)
    if outcomes is None:
        return Keyed(mine, True, "" if mine else _of_keys([predictions]))
    theirs = _by_id(outcomes.opened, their_id, batched=batched)
    why = _of_keys([side for side, ok in ((predictions, mine), (outcomes, theirs)) if not ok])
    if mine and theirs:
        why = _apart(predictions, outcomes)
        theirs = not why
    if mine != theirs:  # what is written anew lies as Java's partitioner has it
        kept = predictions if mine else outcomes
        how = explained(kept.places, kept.partitions)
        fits = kept.partitions == 1 or (how is not None and how[0].startswith(JAVA) and how[1] >= AGREE)
        if not fits:
            why += f", and {kept.topic} is partitioned by {_told(kept)}"
        mine, theirs = mine and fits, theirs and fits
    return Keyed(mine, theirs, why)


def _of_keys(sides: list[Side]) -> str:
    return f"keys of {' and '.join(side.topic for side in sides)} are not the prediction's id" if sides else ""


def _apart(one: Side, other: Side) -> str:
    """Why equal keys do not lie on the same partition, "": they do."""
    if one.partitions != other.partitions:
        return f"{one.topic} has {one.partitions} partitions, {other.topic} {other.partitions}"
    shared = one.places.keys() & other.places.keys()
    together = sum(one.places[key] == other.places[key] for key in shared)
    if len(shared) < ENOUGH:  # labels that are late: how each side is partitioned must tell
        apart = _told(one) != _told(other) and UNKNOWN not in (_told(one), _told(other))
    else:
        apart = together < AGREE * len(shared)
    if apart:
        return f"equal keys lie on different partitions: {one.topic} by {_told(one)}, {other.topic} by {_told(other)}"
    return ""


def _told(side: Side) -> str:
    how = explained(side.places, side.partitions)
    return how[0] if how and how[1] >= AGREE else UNKNOWN


def _by_id(side: Opened, path: Steps | None, *, batched: bool) -> bool:
    """Is the record's key the id?"""
    if path is None:
        return any(event.key for event in side.events)
    pairs = [(event.key, roles.dig(event.document, path)) for event in side.events]
    known = [(key, canonical(value)) for key, value in pairs if isinstance(value, int | float | str)]
    return sum(1 for key, written in known if key == event_of(written, batched=batched).encode()) > AGREE * len(known)
