"""From samples of two topics to what a contract would say: pure, records in, proposal out."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from anchorwatch.contract.fields import Steps
from anchorwatch.contract.model import FEATURES_MAX
from anchorwatch.errors import ConfigError
from anchorwatch.events import MODEL_NAME, Row, canonical
from anchorwatch.runtime.init import roles
from anchorwatch.runtime.init.roles import Found, Shape
from anchorwatch.runtime.init.shape import Field, shape
from anchorwatch.sources.native import as_map

ENOUGH = 20  # records; fewer say nothing
SEGMENTS_MAX = 3
SEGMENT_VALUES = (2, 50)
CATEGORY_VALUES_MAX = 250  # the contract's own default of values_max
PRIVATE = frozenset((
    "email", "mail", "phone", "iban", "card", "pan", "ssn", "name", "surname", "address", "birth", "birthday", "ip", "passport",
))  # fmt: skip  # words of names whose values may be about a person
SPOKEN = ("country", "region", "market", "tier", "plan", "channel", "product", "segment", "platform", "device", "language", "store")
POSITIVE = ("block", "fraud", "yes", "true", "1", "positive", "default", "churn", "deny", "reject", "decline", "spam", "alert", "bad")
NATIVE = frozenset((
    "prediction_id", "prediction", "score", "scores", "model", "model_version", "environment", "status", "traceparent", "latency_ms",
    "predicted_at_ms", "label", "known_at_ms",
))  # fmt: skip


@dataclass(frozen=True)
class Side:
    """A topic's newest records."""

    topic: str
    rows: tuple[Row, ...]
    oldest_ms: int = 0  # of the topic, 0: not known

    def documents(self) -> list[dict[str, Any]]:
        return [document for row in self.rows if (document := as_map(row[1] or b""))]

    def keys(self) -> list[str]:
        return [row[0].decode(errors="replace") for row in self.rows if row[0] is not None]


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


@dataclass
class Proposal:
    model: str
    topic: str
    outcomes_topic: str
    task: str = "binary"
    environment: str = "prod"
    classes: tuple[str, ...] = ()
    positive: str = ""
    threshold: float | None = None
    predictions: dict[str, Found] = field(default_factory=dict)  # ours -> theirs; empty: native
    outcomes: dict[str, Found] = field(default_factory=dict)
    features: list[Feature] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    models: dict[str, float] = field(default_factory=dict)  # every model of the topic -> its share
    keyed: dict[str, bool] = field(default_factory=lambda: {"predictions": True, "outcomes": True})
    missing: list[tuple[str, str]] = field(default_factory=list)  # what is not there, what it costs
    own_id: Steps | None = None  # where the prediction's id stands; None: in the key alone
    their_id: Steps | None = None
    rows: int = 0  # sampled of this model
    labelled: int = 0
    their_fields: frozenset[str] = frozenset()
    carried: frozenset[str] = frozenset()  # fields of ours that its events have in whatever form


def propose(predictions: Side, outcomes: Side | None, wanted: str = "", *, equal: bool = True) -> Proposal:
    """wanted: a model's name, "": the one with most records. equal: both topics have as many partitions.

    Raises ConfigError: too few records, no answer anywhere."""
    documents, truths = predictions.documents(), outcomes.documents() if outcomes else []
    if len(documents) < ENOUGH:
        unread = len(predictions.rows) - len(documents)
        why = f"{len(documents)} JSON records" + (f" and {unread} of another kind" if unread else "")
        raise ConfigError(f"{predictions.topic} holds {why}, {ENOUGH} are needed; wait for more, or name another topic")
    if preset := _preset(documents):
        raise ConfigError(
            f"{predictions.topic} holds events of {preset}: write source.predictions.format: {preset} by hand, as the README has it"
        )
    models = _models(shape(documents), documents)
    model, name = _model(models, wanted, predictions.topic)
    documents, truths = _of_model(documents, model), _of_model(truths, model)
    found = Proposal(name, predictions.topic, outcomes.topic if outcomes else "", models=models, rows=len(documents), labelled=len(truths))
    _map(found, documents, truths, predictions.keys())
    if model and model != name:
        found.predictions.pop("model", None)  # a name that no contract may have: the topic has one contract then
        if len(models) > 1:
            raise ConfigError(f"{predictions.topic}: a contract may not be called {model!r}, and several models share the topic")
    found.keyed = {
        "predictions": equal and _keyed(predictions, found.own_id),
        "outcomes": outcomes is None or (equal and _keyed(outcomes, found.their_id)),
    }
    _missing(found)
    return found


PRESETS: tuple[tuple[str, str], ...] = (("specversion", "kserve"), ("captureData", "sagemaker"), ("outputs", "oip"))


def _preset(documents: Sequence[Mapping[str, Any]]) -> str:
    """A format that has a reader of its own, by the mark that all of its events carry."""
    return next((name for mark, name in PRESETS if all(mark in document for document in documents)), "")


def _keyed(side: Side, path: Steps | None) -> bool:
    """Is the record's key the id?"""
    if path is None:
        return bool(side.keys())
    pairs = [(row[0], roles.dig(as_map(row[1] or b""), path)) for row in side.rows]
    known = [(key, canonical(value)) for key, value in pairs if isinstance(value, int | float | str)]
    return sum(1 for key, written in known if key == written.encode()) > 0.95 * len(known)


def _models(shapes: Shape, documents: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    place = roles.others(shapes, set(), len(documents)).get("model")
    if place is None:
        return {}
    return {name: n / len(documents) for name, n in shapes[place.path].values.most_common()}


def _model(models: Mapping[str, float], wanted: str, topic: str) -> tuple[str, str]:
    """As the events have it ("": they name none), and as the contract will."""
    if wanted and models and wanted not in models:
        raise ConfigError(f"--model {wanted}: {topic} holds no such model; it holds {', '.join(list(models)[:20])}")
    own = wanted or next(iter(models), "")
    if not models:
        own = ""
    slug = re.sub(r"[^a-z0-9._-]+", "-", (own or wanted or topic).lower()).strip("-._")[:63] or "model"
    return own, own if MODEL_NAME.fullmatch(own) else slug


def _of_model(documents: list[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    if not model:
        return documents
    shapes = shape(documents)
    place = roles.others(shapes, set(), len(documents)).get("model")
    return documents if place is None else [d for d in documents if str(roles.dig(d, place.path)) == model]


def _map(found: Proposal, documents: list[dict[str, Any]], truths: list[dict[str, Any]], keys: Sequence[str]) -> None:
    mine, theirs = shape(documents), shape(truths)
    own_id, their_id = roles.identity(mine, theirs, keys, len(documents))
    found.own_id, found.their_id = own_id, their_id
    taken, taken_there = ({path} if path else set() for path in (own_id, their_id))
    fields: dict[str, Found] = {"prediction_id": Found(own_id)} if own_id else {}
    truth: dict[str, Found] = {"prediction_id": Found(their_id)} if their_id else {}
    for ours, shapes, into, used in (("predicted_at_ms", mine, fields, taken), ("known_at_ms", theirs, truth, taken_there)):
        if place := roles.when(shapes, ours, used):
            into[ours] = place
            used.add(place.path)
    other = roles.others(mine, taken, len(documents))
    fields |= other
    truth |= {name: place for name, place in roles.others(theirs, taken_there, len(truths)).items() if name in ("model", "environment")}
    label = roles.answer(theirs, "label", taken_there, set())
    if label:
        truth["label"] = label
    _answers(found, mine, documents, fields, taken, set(theirs[label.path].values) if label else set())
    if found.classes and theirs and not label and (label := roles.answer(theirs, "label", taken_there, set(found.classes))):
        truth["label"] = label
    _classes(found, theirs[label.path].values if label else Counter())
    where = roles.group(mine, taken)
    _features(found, mine, where, taken, len(documents))
    _segments(found, mine, where, taken, len(documents))
    if "environment" in fields:
        found.environment = mine[fields["environment"].path].values.most_common(1)[0][0]
    _settle(found, fields, truth, where)


def _answers(
    found: Proposal, mine: Shape, documents: list[dict[str, Any]], fields: dict[str, Found], taken: set[Steps], labels: set[str]
) -> None:  # fmt: skip
    """The prediction, else what it can be told from."""
    several = roles.scores(mine, documents)
    if several:
        fields["scores"], found.classes = Found(several[0]), several[1]
        taken |= {path for path in mine if path[:-1] == several[0]}
    if place := roles.score(mine, taken):
        fields["score"] = place
        taken.add(place.path)
    if place := roles.answer(mine, "prediction", taken, labels):
        fields["prediction"] = place
        taken.add(place.path)
        answers = mine[place.path]
        found.classes = tuple(answers.values) if len(answers.values) <= roles.CLASSES_MAX else ()
        found.task = "regression" if not found.classes else found.task
    elif "score" in fields and not several:
        found.threshold = 0.5
        found.classes = tuple(labels) if len(labels) == 2 else ("0", "1")
    elif not several:
        raise ConfigError(
            f"{found.topic}: no field looks like an answer (few different values, or a probability); "
            "write the contract by hand: source.predictions.fields in the README"
        )


def _classes(found: Proposal, labels: Counter[str]) -> None:
    """Of answers and labels together; of two the positive one last."""
    if found.task == "regression":
        return
    every = Counter(labels)
    every.update(found.classes)
    every = Counter({name: n for name, n in every.items() if name.isprintable() and name.strip()})
    names = sorted(every, key=lambda name: (-every[name], name))[: roles.CLASSES_MAX]
    if len(names) < 2:
        names += [name for name in ("0", "1", "other") if name not in names][: 2 - len(names)]
    found.task = "binary" if len(names) == 2 else "multiclass"
    if found.task == "binary":
        found.positive = next((name for name in names if name.lower() in POSITIVE), names[-1])  # else the rarer one
        names = [*(name for name in names if name != found.positive), found.positive]
    found.classes = tuple(names)


# features, segments


def _features(found: Proposal, mine: Shape, where: Steps | None, taken: set[Steps], n: int) -> None:
    if where is None:
        return
    own = [f for path, f in mine.items() if path[:-1] == where and path not in taken and f.kind in ("number", "text", "bool", "mixed")]
    if where == ():
        own = [f for f in own if f.path[0] not in {path[0] for path in taken} and f.path != ("model",)]
    found.features = [_feature(f, n) for f in own[:FEATURES_MAX] if f.present]


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


def _segments(found: Proposal, mine: Shape, where: Steps | None, taken: set[Steps], n: int) -> None:
    """Text or bool of few values, of which no one is nearly all; spoken names first, then the most even."""
    categories = {feature.name for feature in found.features if feature.kind == "category" and not feature.private}
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
        if not is_feature and (name in categories or "=" in name or "," in name):
            continue
        top = max(seen.values.values()) / seen.values.total()
        if top > 0.98 or seen.present < 0.5 * n:
            continue
        rank = next((i for i, spoken in enumerate(SPOKEN) if spoken in seen.words), len(SPOKEN))
        judged.append((0 if path[:1] == ("segments",) else 1 + rank, top, Segment(name, None if is_feature else path, _shares(seen))))
    found.segments = [segment for _, _, segment in sorted(judged, key=lambda each: each[:2])[:SEGMENTS_MAX]]


# native or not


def _settle(found: Proposal, fields: dict[str, Found], truth: dict[str, Found], where: Steps | None) -> None:
    """Our own names need no mapping; of anything else every field is named."""
    found.carried, found.their_fields = frozenset(fields), frozenset(truth)
    if _is_native(fields) and where in (("features",), None, ("segments",)):
        found.predictions = {}
    else:
        if where is not None and found.features:
            fields["features"] = Found(where)
        fields |= {f"segments.{s.name}": Found(s.path) for s in found.segments if s.path is not None}
        found.predictions = fields
    found.outcomes = {} if _is_native(truth) else truth
    if found.outcomes_topic and "label" not in truth:
        raise ConfigError(
            f"{found.outcomes_topic}: no field looks like a label (few different values); "
            "leave --outcomes out, or write source.outcomes.fields by hand"
        )


def _is_native(fields: Mapping[str, Found]) -> bool:
    return all(place.path == (ours,) and not place.unit for ours, place in fields.items() if ours in NATIVE)


COSTS: tuple[tuple[str, str], ...] = (
    ("latency_ms", "no latency: its watch stays silent until events carry latency_ms, or requested_at_ms"),
    ("predicted_at_ms", "no time of their own: the record's time is taken, so a backlog looks like traffic of now"),
    ("score", "no score: confidence and calibration cannot be judged, only the mix of answers"),
    ("model_version", "no version: an alert cannot say which deploy it began with"),
    ("traceparent", "no traceparent in the value: traces are linked only where it comes as a header"),
)


def _missing(found: Proposal) -> None:
    """What is not there and what that costs; of native events what no record carried."""
    have = found.carried
    found.missing = [
        (name, cost)
        for name, cost in COSTS
        if name not in have and not (name == "score" and (found.task == "regression" or "scores" in have))
    ]
    if not found.outcomes_topic:
        found.missing.insert(0, ("outcomes", "no topic of outcomes named: whether the model is right is not judged; --outcomes TOPIC"))
    if len(found.models) > 1 and found.outcomes_topic and "model" not in found.their_fields:
        found.missing.append(("outcomes.model", "outcomes name no model, and several share the topic: they cannot be told apart"))
    if not found.features:
        found.missing.append(("features", "no features: faults of inputs are not heard"))
    if not found.segments:
        found.missing.append(("segments", "no field splits the traffic: only the whole is judged; segments.by names others"))
