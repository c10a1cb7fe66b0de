"""From samples of two topics to what a contract would say: pure, records in, proposal out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.contract.fields import Steps
from anchorwatch.contract.values import TEXT_MAX
from anchorwatch.errors import ConfigError
from anchorwatch.events import Role
from anchorwatch.runtime.init import models, presets, roles
from anchorwatch.runtime.init.features import Feature, Segment, features, segments
from anchorwatch.runtime.init.keys import Keyed, keyed
from anchorwatch.runtime.init.opened import JSON, Opened, Side
from anchorwatch.runtime.init.roles import Found, Shape
from anchorwatch.runtime.init.shape import Field, shape

ENOUGH = 20  # records; fewer say nothing
KEYED = Keyed(predictions=True, outcomes=True)
POSITIVE = ("block", "fraud", "yes", "true", "1", "positive", "default", "churn", "deny", "reject", "decline", "spam", "alert", "bad")
NATIVE = frozenset((
    "prediction_id", "prediction", "score", "scores", "model", "model_version", "environment", "status", "traceparent", "latency_ms",
    "predicted_at_ms", "label", "known_at_ms",
))  # fmt: skip


@dataclass
class Proposal:
    model: str
    topic: str
    outcomes_topic: str
    task: str = "binary"
    environment: str = "prod"
    formats: dict[Role, str] = field(default_factory=dict)  # role -> json, or a format with a reader of its own
    feature_names: tuple[str, ...] = ()  # given to inputs that are lists
    classes: tuple[str, ...] = ()
    positive: str = ""
    threshold: float | None = None
    predictions: dict[str, Found] = field(default_factory=dict)  # ours -> theirs; empty: native
    outcomes: dict[str, Found] = field(default_factory=dict)
    features: list[Feature] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    models: dict[str, float] = field(default_factory=dict)  # every model of the topic -> its share
    keyed: Keyed = KEYED
    missing: list[tuple[str, str]] = field(default_factory=list)  # what is not there, what it costs
    ordered: bool = False  # are `classes` in the order of a list of scores?
    own_id: Steps | None = None  # where the prediction's id stands; None: in the key alone
    their_id: Steps | None = None
    rows: int = 0  # sampled of this model
    labelled: int = 0
    their_fields: frozenset[str] = frozenset()
    carried: frozenset[str] = frozenset()  # fields of ours that its events have in whatever form


def propose(predictions: Side, outcomes: Side | None, wanted: str = "") -> Proposal:
    """wanted: a model's name, "": the one with most records. Raises ConfigError: too few records, no answer anywhere."""
    mine = predictions.opened
    theirs = outcomes.opened if outcomes else Opened(JSON, [])
    _enough(predictions.topic, mine)
    shapes = [shape(event.document for event in side.events) for side in (mine, theirs)]
    spoken, heard = models.of(mine, shapes[0]), models.of(theirs, shapes[1])
    if not spoken and len(heard) == 1:
        wanted = wanted or next(iter(heard))  # only the labels say whose they are, and go to the model of that name
    model, name = models.chosen(spoken, wanted, predictions.topic)
    events, truths = (models.events_of(side, known, model) for side, known in zip((mine, theirs), shapes, strict=True))
    found = Proposal(name, predictions.topic, outcomes.topic if outcomes else "", models=spoken, rows=len(events), labelled=len(truths))
    found.formats, found.feature_names = {"predictions": mine.format, "outcomes": theirs.format}, mine.names
    _map(found, mine._replace(events=events), theirs._replace(events=truths))
    if model and model != name:
        found.predictions.pop("model", None)  # a name that no contract may have: the topic has one contract then
        if len(spoken) > 1:
            raise ConfigError(f"{predictions.topic}: a contract may not be called {model!r}, and several models share the topic")
    found.keyed = keyed(predictions, found.own_id, outcomes, found.their_id)
    _missing(found)
    return found


def _enough(topic: str, found: Opened) -> None:
    """Raises ConfigError."""
    if len(found.events) >= ENOUGH:
        return
    what = f"{len(found.events)} " + ("JSON records" if found.format == JSON else f"events of {found.format}")
    other = f" and {found.unread} of another kind ({found.why})" if found.unread else ""
    raise ConfigError(f"{topic} holds {what}{other}, {ENOUGH} are needed; wait for more, or name another topic")


def _map(found: Proposal, side: Opened, truths: Opened) -> None:
    documents, labelled = ([event.document for event in each.events] for each in (side, truths))
    mine, theirs = shape(documents), shape(labelled)
    plain = side.format == JSON
    about = mine if plain else presets.about(mine)
    keys = [event.key.decode(errors="replace") for event in side.events if event.key is not None]
    ids: Shape = about if plain else {path: each for path, each in about.items() if path == ("id",)}
    own_id, their_id = roles.identity(ids, theirs, keys, len(documents))
    found.own_id, found.their_id = own_id, their_id
    taken, taken_there = ({path} if path else set() for path in (own_id, their_id))
    fields: dict[str, Found] = {"prediction_id": Found(own_id)} if own_id else {}
    truth: dict[str, Found] = {"prediction_id": Found(their_id)} if their_id else {}
    for ours, shapes, into, used in (("predicted_at_ms", about, fields, taken), ("known_at_ms", theirs, truth, taken_there)):
        if place := roles.when(shapes, ours, used):
            into[ours] = place
            used.add(place.path)
    fields |= roles.others(about, taken, len(documents))
    truth |= {name: place for name, place in roles.others(theirs, taken_there, len(labelled)).items() if name in ("model", "environment")}
    guess = roles.alone(theirs, taken_there)
    label = roles.answer(theirs, "label", taken_there, set()) or guess
    if label:
        truth["label"] = label
    known = presets.labels_of(labelled, their_id, label.path if label else None)
    if plain or not _bare(found, mine, documents, fields, known):
        labels = set(theirs[label.path].values) if label else set()
        _answers(found, mine if plain else presets.outputs(mine), documents, fields, taken, labels)
    if label and label == guess and _strange(found, theirs[label.path]):
        label = None
        del truth["label"]
    if found.classes and theirs and not label and (label := roles.answer(theirs, "label", taken_there, set(found.classes))):
        truth["label"] = label
    _classes(found, theirs[label.path].values if label else Counter())
    _rest(found, side, truths, (mine, theirs), fields, truth, taken)


def _strange(found: Proposal, guess: Field) -> bool:
    """Has what nothing but its values speaks for none of the answers?"""
    return found.threshold is None and bool(found.classes) and not set(found.classes) & set(guess.values)


def _bare(
    found: Proposal, mine: Shape, documents: list[dict[str, Any]], fields: dict[str, Found], labels: Mapping[str, str]
) -> bool:  # fmt: skip
    """Is the model's output the answer itself, or its probabilities? Then that is told."""
    answer = presets.answer(found.topic, mine, documents, labels)
    if answer is None:
        return False
    fields |= answer.fields
    found.classes, found.threshold, found.ordered = answer.classes, answer.threshold, answer.ordered
    found.task = "regression" if answer.regression else found.task
    return True


def _rest(
    found: Proposal, side: Opened, truths: Opened, shapes: tuple[Shape, Shape], fields: dict[str, Found], truth: dict[str, Found],
    taken: set[Steps],
) -> None:  # fmt: skip
    """Features, segments, and which of all must be written."""
    mine, n = shapes[0], len(side.events)
    if side.format == JSON:
        where = roles.group(mine, taken)
    else:
        where = (presets.INPUT,)
        taken |= {
            path for path in mine if path[0] == presets.OUTPUT or path in (("status",), ("model",), ("version",)) or presets.wrapping(path)
        }
        if place := models.place(side, mine):
            fields["model"] = Found(place)
            taken.add(place)
    found.features = features(mine, where, taken, n)
    found.segments = segments(mine, found.features, where, taken, n)
    if "environment" in fields:
        found.environment = mine[fields["environment"].path].values.most_common(1)[0][0]
    _settle(found, fields, truth, where)
    if side.format != JSON:
        found.predictions = presets.own(side.format, "predictions", fields, mine, n)
        found.predictions |= {f"segments.{s.name}": Found(s.path) for s in found.segments if s.path is not None}
        if side.bare:
            found.predictions["features.value"] = Found((presets.INPUT,))
        found.carried |= presets.carried(side.format, mine) | ({"score"} if found.threshold is not None else set())
    if truths.format != JSON:
        found.outcomes = presets.own(truths.format, "outcomes", truth, shapes[1], len(truths.events))


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
    if found.ordered:
        found.task = "binary" if len(found.classes) == 2 else "multiclass"
        found.positive = (
            next((name for name in found.classes if name.lower() in POSITIVE), found.classes[1]) if found.task == "binary" else ""
        )
        return
    every = Counter(labels)
    every.update(found.classes)
    every = Counter({name: n for name, n in every.items() if name.isprintable() and 0 < len(name.strip()) <= TEXT_MAX})
    names = sorted(every, key=lambda name: (-every[name], name))[: roles.CLASSES_MAX]
    if len(names) < 2:
        names += [name for name in ("0", "1", "other") if name not in names][: 2 - len(names)]
    found.task = "binary" if len(names) == 2 else "multiclass"
    if found.task == "binary":
        found.positive = next((name for name in names if name.lower() in POSITIVE), names[-1])  # else the rarer one
        names = [*(name for name in names if name != found.positive), found.positive]
    found.classes = tuple(names)


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
