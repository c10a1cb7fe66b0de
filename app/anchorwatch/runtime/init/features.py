"""What goes into the model, and what splits its traffic: features with type and range, segments by share."""

from collections.abc import Sequence
from typing import NamedTuple

from anchorwatch.contract.fields import Steps
from anchorwatch.contract.model import FEATURES_MAX
from anchorwatch.runtime.init.roles import Shape
from anchorwatch.runtime.init.shape import Field

ENOUGH = 20  # values; fewer say nothing of how many are different
SEGMENTS_MAX = 3
NAME_MAX = 100  # characters of a segment's name in a contract
SEGMENT_VALUES = (2, 50)
CATEGORY_VALUES_MAX = 250  # the contract's own default of values_max
PRIVATE = frozenset((
    "email", "mail", "phone", "iban", "card", "pan", "ssn", "name", "surname", "address", "birth", "birthday", "ip", "passport",
))  # fmt: skip  # words of names whose values may be about a person
SPOKEN = ("country", "region", "market", "tier", "plan", "channel", "product", "segment", "platform", "device", "language", "store")


class Feature(NamedTuple):
    name: str
    kind: str  # number, category, text, bool
    seen: str  # its range or values, for the comment
    private: bool = False
    watched: bool = True


class Segment(NamedTuple):
    name: str
    path: Steps | None  # None: a feature of that name stands in
    shares: str


def features(mine: Shape, where: Steps | None, taken: set[Steps], n: int) -> list[Feature]:
    if where is None:
        return []
    own = [f for path, f in mine.items() if path[:-1] == where and path not in taken and f.kind in ("number", "text", "bool", "mixed")]
    if where == ():
        own = [f for f in own if f.path[0] not in {path[0] for path in taken} and f.path != ("model",)]
    return [_feature(f, n) for f in own[:FEATURES_MAX] if f.present]


def _feature(seen: Field, n: int) -> Feature:
    name, missing = str(seen.path[-1]), 1 - seen.present / n
    told = f", missing {missing:.1%}" if missing > 0.0005 else ""
    private = bool(PRIVATE & set(seen.words))
    kinds = {kind for kind in seen.kinds if kind not in ("null", "list")}
    if seen.kind == "number" and seen.whole and seen.words[-1:] == ["id"]:
        return Feature(name, "number", f"{len(seen.values):,} different ones{told}", private, False)
    if seen.kind == "number":
        return Feature(name, "number", f"seen {seen.low:.6g} to {seen.high:.6g}{told}", private)
    if seen.kind == "bool":
        return Feature(name, "bool", f"seen {_shares(seen)}{told}", private)
    if len(kinds) > 1:
        told += f", of several types: {', '.join(sorted(kinds))}"
    if len(seen.values) > CATEGORY_VALUES_MAX or (seen.unique > 0.5 and seen.present >= ENOUGH):
        like_id = seen.unique > 0.98 and seen.present >= ENOUGH
        return Feature(name, "text", f"{len(seen.values):,} different values{told}", private, not like_id)
    return Feature(name, "category", f"{len(seen.values)} values seen{told}" if private else f"seen {_shares(seen)}{told}", private)


def _shares(seen: Field, most: int = 4) -> str:
    total = seen.values.total()
    named = [f"{_short(name)} {n / total:.0%}" for name, n in seen.values.most_common(most)]
    rest = len(seen.values) - most
    return ", ".join(named) + (f" and {rest} more" if rest > 0 else "")


def _short(text: str) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= 20 else f"{clean[:20]}…"


def segments(mine: Shape, known: Sequence[Feature], where: Steps | None, taken: set[Steps], n: int) -> list[Segment]:
    """Text or bool of few values, of which no one is nearly all; spoken names first, then the most even."""
    categories = {feature.name for feature in known if feature.kind == "category" and not feature.private}
    judged: list[tuple[int, float, Segment]] = []
    for path, seen in mine.items():
        name = str(path[-1])
        if (
            path in taken
            or seen.kind != "text"
            or not SEGMENT_VALUES[0] <= len(seen.values) <= SEGMENT_VALUES[1]
            or PRIVATE & set(seen.words)
        ):
            continue
        is_feature = path[:-1] == where and name in categories
        if "=" in name or "," in name or len(name) > NAME_MAX or (not is_feature and name in categories):
            continue
        top = max(seen.values.values()) / seen.values.total()
        if top > 0.98 or seen.present < 0.5 * n or seen.unique > 0.5:  # of few records ids have few values as well
            continue
        rank = next((i for i, spoken in enumerate(SPOKEN) if spoken in seen.words), len(SPOKEN))
        judged.append((0 if path[:1] == ("segments",) else 1 + rank, top, Segment(name, None if is_feature else path, _shares(seen))))
    first: dict[str, Segment] = {}
    for _, _, segment in sorted(judged, key=lambda each: each[:2]):
        first.setdefault(segment.name, segment)  # of one name in two places the better one
    return list(first.values())[:SEGMENTS_MAX]
