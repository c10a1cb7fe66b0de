"""Do contracts on one topic read it in one way? A record is decoded once for all models on it, so they must."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from anchorwatch.contract.model import Contract

HALVES = "kserve"  # the format that `pair_within` speaks of
TOLD_MAX = 4  # differences named in one sentence


def disputes(contracts: Iterable[Contract], topic: Callable[[str], str] = "anchorwatch.{}".format) -> list[str]:
    """A sentence for each contract that reads a topic otherwise than the first by name on the same topics; [] when all agree.

    topic: standard name -> name in force. Contracts whose other topic differs are read apart and may differ.
    """
    feeds: dict[tuple[str, ...], list[Contract]] = {}
    for contract in contracts:
        feeds.setdefault(contract.feed(topic), []).append(contract)
    return [told for some in feeds.values() for told in _of_feed(topic, sorted(some, key=lambda each: each.key))]


def _of_feed(topic: Callable[[str], str], contracts: list[Contract]) -> Iterator[str]:
    first, *others = contracts
    topics = {role: name for each in contracts for role, name in each.topics(topic).items()}
    for other in (each for each in others if each.key != first.key):  # one that is there twice is told as such
        for role, name in topics.items():
            if found := list(_differences(role, first, other)):
                more = f" and {len(found) - TOLD_MAX} more" if len(found) > TOLD_MAX else ""
                yield (
                    f"{first.key} and {other.key} share {name} and read it differently: {', '.join(found[:TOLD_MAX])}{more}; "
                    "write the same in both, or give one of them a topic of its own"
                )


def _differences(role: str, one: Contract, other: Contract) -> Iterator[str]:
    mine, theirs = _reading(role, one), _reading(role, other)
    for key in [*mine, *(key for key in theirs if key not in mine)]:
        if mine.get(key) != theirs.get(key):
            yield f"{key} ({_shown(mine.get(key))}; {_shown(theirs.get(key))})"


def _reading(role: str, contract: Contract) -> dict[str, Any]:
    """All that a reader of the topic takes from a contract, by its path there."""
    source, at = contract.source.of(role), f"source.{role}"
    found: dict[str, Any] = {f"{at}.format": source.format}
    found |= {f"{at}.fields.{name}": f"{place.path}{f' in {place.unit}' if place.unit else ''}" for name, place in source.fields.items()}
    if role == "predictions":
        found |= {f"{at}.feature_names": list(source.feature_names), f"{at}.threshold": source.threshold}
        if source.threshold is not None or "scores" in source.fields:  # a score becomes the answer of these classes
            found |= {"labels.classes": list(contract.labels.classes), "labels.positive": contract.labels.positive}
        if source.format == HALVES:
            found["source.pair_within"] = contract.source.pair_within
    return found


def _shown(value: Any) -> str:
    return "none" if value in (None, []) else f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
