"""Which of their fields is which of ours? Judged by values first and by names second, so that a name alone decides nothing."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from anchorwatch.contract.fields import Steps
from anchorwatch.runtime.init.shape import Field
from anchorwatch.sources.native.times import instant

CLASSES_MAX = 50  # more different answers are numbers, or no answers
TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
UNITS = (("s", 1e8, 1e11), ("ms", 1e11, 1e14), ("us", 1e14, 1e17), ("ns", 1e17, 1e20))  # of a time between 1973 and 5138
SPANS = frozenset(("day", "days", "week", "weeks", "month", "months", "year", "years", "hours"))  # a term of a loan, no latency
LATENCY_UNITS = {"us": "us", "micros": "us", "ns": "ns", "nanos": "ns", "s": "s", "sec": "s", "seconds": "s"}
NAMES: Mapping[str, Mapping[str, float]] = {  # word of a name -> how much it speaks for the field
    "prediction": {
        "prediction": 3, "predicted": 3, "verdict": 2.5, "answer": 2.5, "recommendation": 2, "decision": 2, "class": 2, "label": 1.5,
        "result": 1.5, "outcome": 1, "action": 1,
    },
    "label": {
        "label": 3, "actual": 3, "truth": 3, "verdict": 2.5, "outcome": 2, "target": 2, "class": 2, "result": 1.5, "decision": 1, "status": 0.5,
    },
    "score": {"score": 3, "probability": 3, "prob": 3, "proba": 3, "p": 2, "confidence": 2, "likelihood": 2},
    "predicted_at_ms": {
        "predicted": 3, "scored": 3, "at": 1, "ts": 1, "time": 1, "timestamp": 1.5, "created": 1, "date": 0.5, "event": 0.5,
    },
    "known_at_ms": {
        "known": 3, "settled": 3, "labelled": 3, "labeled": 3, "booked": 2, "closed": 2, "resolved": 2, "at": 1, "ts": 1, "time": 1,
        "timestamp": 1.5, "created": 0.5,
    },
    "latency_ms": {"latency": 3, "duration": 2.5, "took": 2.5, "elapsed": 2.5},
    "model": {"model": 2},
    "model_version": {"version": 2},
    "environment": {"environment": 3, "env": 3},
    "status": {"status": 1.5, "code": 0.5},
}  # fmt: skip


class Found(NamedTuple):
    path: Steps
    unit: str = ""


Shape = Mapping[Steps, Field]
Taken = dict[str, Found]


def named(field: Field, ours: str) -> float:
    """How much its name speaks for it; our own name at the top says all."""
    if field.path == (ours,):
        return 10.0
    weights = NAMES.get(ours, {})
    return sum(weights.get(word, 0.0) for word in set(field.words))


def best(fields: Iterable[Field], judge: Callable[[Field], float]) -> Field | None:
    """The one of highest weight above 0; of equals the shortest path, then the first by name."""
    judged = [(judge(field), field) for field in fields]
    return min(((-w, len(f.path), str(f.path), f) for w, f in judged if w > 0), default=(0, 0, "", None), key=lambda each: each[:3])[3]


# ids


def identity(predictions: Shape, outcomes: Shape, keys: Sequence[str], n: int) -> tuple[Steps | None, Steps | None]:
    """Where the id stands on both sides: the pair of fields that share most values. None: nowhere but in the record's key."""
    able = [field for field in predictions.values() if _is_id(field, n)]
    wanted = set(keys)

    def alone(field: Field) -> float:
        in_key = sum(value in wanted for value in field.values) / max(len(field.values), 1)
        last = 1.0 if field.words[-1:] in (["id"], ["uuid"], ["key"]) else 0.0
        return named(field, "prediction_id") + 3 * in_key + last + 0.1

    if not outcomes:
        found = best(able, alone)
        return (found.path if found else None), None
    pairs = [
        (_shared(mine.values, theirs.values), alone(mine), mine, theirs)
        for mine in able
        for theirs in outcomes.values()
        if theirs.kind in ("text", "number")
    ]
    pairs.sort(key=lambda pair: (-pair[0], -pair[1], len(pair[2].path) + len(pair[3].path), str(pair[2].path)))
    if pairs and pairs[0][0] > 0.02:
        return pairs[0][2].path, pairs[0][3].path
    mine, theirs = best(able, alone), best((f for f in outcomes.values() if f.kind in ("text", "number") and f.unique > 0.5), alone)
    return (mine.path if mine else None), (theirs.path if theirs else None)


def _is_id(field: Field, n: int) -> bool:
    whole = field.kind == "text" or (field.kind == "number" and field.whole)
    return whole and field.present >= 0.95 * n and field.unique >= 0.98 and not _is_time(field)


def _shared(mine: Mapping[str, int], theirs: Mapping[str, int]) -> float:
    few, many = sorted((mine, theirs), key=len)
    return sum(value in many for value in few) / max(len(few), 1)


# times


def time_unit(field: Field) -> str | None:
    """ "" of RFC 3339 text and of milliseconds' own unit, else s, us, ns; None: holds no times."""
    if field.kind == "text":
        return "" if isinstance(instant(str(field.first)), int) else None
    if field.kind != "number":
        return None
    unit = next((unit for unit, low, high in UNITS if low <= field.low <= field.high < high), None)
    return "" if unit == "ms" else unit


def _is_time(field: Field) -> bool:
    """By value alone a large id looks like a time: the name must speak for it too."""
    words = {"at", "ts", "time", "timestamp", "date", "ms"}
    return time_unit(field) is not None and (field.kind == "text" or bool(words & set(field.words)))


def when(shape: Shape, ours: str, taken: set[Steps]) -> Found | None:
    able = [f for f in shape.values() if f.path not in taken and time_unit(f) is not None]
    field = best(able, lambda f: named(f, ours))
    return Found(field.path, time_unit(field) or "") if field else None


# answers


def answer(shape: Shape, ours: str, taken: set[Steps], classes: set[str]) -> Found | None:
    """ours: prediction or label. classes: of the other side; the same values speak louder than any name."""

    def judge(field: Field) -> float:
        if field.path in taken or field.kind not in ("text", "bool", "number") or time_unit(field) is not None:
            return 0.0
        by_name = named(field, ours)
        few = 2 <= len(field.values) <= CLASSES_MAX
        if not few:
            return by_name if field.kind == "number" and by_name >= 2 else 0.0
        alike = len(classes & set(field.values)) / len(classes | set(field.values)) if classes and len(classes) <= CLASSES_MAX else 0.0
        return by_name + (3 * alike if by_name or alike > 0.6 else 0.0)

    field = best(shape.values(), judge)
    return Found(field.path) if field else None


def alone(shape: Shape, taken: set[Steps]) -> Found | None:
    """The one field that could be an answer by its values, where there is no other: then its name need not say so."""
    able = [
        field
        for field in shape.values()
        if field.path not in taken
        and field.kind in ("text", "bool", "number")
        and time_unit(field) is None
        and 2 <= len(field.values) <= CLASSES_MAX
        and len(field.values) < field.present
    ]
    return Found(able[0].path) if len(able) == 1 else None


def score(shape: Shape, taken: set[Steps]) -> Found | None:
    """A probability; 0 and 1 alone are answers."""
    able = [f for f in shape.values() if f.path not in taken and f.kind == "number" and f.low >= 0 and f.high <= 1 and not f.whole]
    field = best(able, lambda f: named(f, "score"))
    return Found(field.path) if field else None


def scores(shape: Shape, documents: Sequence[Mapping[str, Any]]) -> tuple[Steps, tuple[str, ...]] | None:
    """A mapping of classes to probabilities whose sum is 1, with its classes."""
    groups: dict[Steps, list[Field]] = {}
    for field in shape.values():
        if len(field.path) > 1:
            groups.setdefault(field.path[:-1], []).append(field)
    for path, fields in groups.items():
        if len(fields) < 2 or any(f.kind != "number" or f.low < 0 or f.high > 1 for f in fields):
            continue
        sums = [
            sum(v for v in group.values() if isinstance(v, int | float)) for d in documents[:100] if isinstance(group := dig(d, path), dict)
        ]
        if sums and all(abs(total - 1) <= 0.01 for total in sums):
            return path, tuple(str(f.path[-1]) for f in fields)
    return None


def dig(value: Any, path: Steps) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


# what else


def others(shape: Shape, taken: set[Steps], n: int) -> Taken:
    """Of predictions: what makes more watches speak."""
    found: Taken = {}
    rules: tuple[tuple[str, Callable[[Field], bool]], ...] = (
        ("latency_ms", lambda f: f.kind == "number" and f.low >= 0 and not SPANS & set(f.words)),
        ("model_version", lambda f: f.kind == "text" and len(f.values) <= CLASSES_MAX),
        ("environment", lambda f: f.kind == "text" and len(f.values) <= 5),
        ("status", lambda f: f.kind == "number" and f.whole and f.low >= 100 and f.high < 600),
        ("traceparent", lambda f: f.kind == "text" and bool(TRACE.fullmatch(str(f.first)))),
        ("model", lambda f: f.kind == "text" and len(f.values) <= CLASSES_MAX and f.present >= 0.95 * n and "version" not in f.words),
    )
    for ours, fits in rules:
        able = [f for f in shape.values() if f.path not in taken and f.present and fits(f)]
        field = best(able, lambda f, ours=ours: 10.0 if ours == "traceparent" else named(f, ours))  # type: ignore[misc]
        if field is not None:
            found[ours] = Found(field.path, _latency_unit(field) if ours == "latency_ms" else "")
            taken.add(field.path)
    return found


def _latency_unit(field: Field) -> str:
    return next((LATENCY_UNITS[word] for word in reversed(field.words) if word in LATENCY_UNITS), "")


def group(shape: Shape, taken: set[Steps]) -> Steps | None:
    """The mapping that holds the features: by its name, else the one with most fields that are nothing else. () is the event itself."""
    sizes: dict[Steps, int] = {}
    for field in shape.values():
        if field.path not in taken and field.kind in ("number", "text", "bool"):
            sizes[field.path[:-1]] = sizes.get(field.path[:-1], 0) + 1
    by_name = [path for path in sizes if path and str(path[-1]).lower() in ("features", "inputs", "input", "attributes", "x")]
    if by_name:
        return max(by_name, key=lambda path: sizes[path])
    return max(sizes, key=lambda path: (sizes[path], -len(path))) if sizes else None
