"""Events of a format that has a reader of its own: what must a contract name beside what the format says of itself?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from anchorwatch import sources
from anchorwatch.contract.fields import Steps, steps
from anchorwatch.errors import ConfigError
from anchorwatch.events import Role, canonical
from anchorwatch.runtime.init import roles
from anchorwatch.runtime.init.roles import Found, Shape
from anchorwatch.runtime.init.shape import Field

INPUT, OUTPUT = "input", "output"
MODELS: Mapping[str, Steps] = {
    "kserve": ("event", "inferenceservicename"),
    "oip": ("model",),
}  # where a topic of several models tells them apart
THERE = 0.95  # of the events have what a format says of itself


class Answer(NamedTuple):
    """What the model's output is. `classes` in the order of the list, where it is one."""

    fields: dict[str, Found]
    classes: tuple[str, ...]
    threshold: float | None = None
    regression: bool = False
    ordered: bool = False


def about(shape: Shape) -> Shape:
    """All but what the model was given and what it answered, and the wrapping of the format."""
    return {path: field for path, field in shape.items() if path[0] not in (INPUT, OUTPUT) and not wrapping(path)}


def wrapping(path: Steps) -> bool:
    """Of SageMaker's records, which say nothing of the call that is not in a document already."""
    return path[:1] == ("event",) and path[1:2] in (("captureData",), ("eventMetadata",), ("eventVersion",))


def outputs(shape: Shape) -> Shape:
    return {path: field for path, field in shape.items() if path[0] == OUTPUT}


def own(name: str, role: Role, fields: Mapping[str, Found], shape: Shape, n: int) -> dict[str, Found]:
    """`fields` without what the format reads by itself."""
    known = {ours: steps(path) for ours, path in sources.load(name).fields.get(role, {}).items()}
    said = {ours for ours, path in known.items() if (field := shape.get(path)) and field.present >= THERE * n}
    return {ours: place for ours, place in fields.items() if ours not in said and place != Found(known.get(ours, ()))}


def carried(name: str, shape: Shape) -> set[str]:
    """Fields of ours that come without a word in the contract."""
    return {ours for ours, path in sources.load(name).fields.get("predictions", {}).items() if steps(path) in shape}


def answer(topic: str, shape: Shape, documents: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> Answer | None:
    """Of an output that is one value, or a list of probabilities. labels: id -> label. None: it is a mapping, to be looked into.

    Raises ConfigError: it is nothing that could be an answer.
    """
    whole = shape.get((OUTPUT,))
    if whole is None or whole.present < THERE * len(documents):
        return None
    names = set(labels.values())
    if whole.kind == "list":
        return _of_list(topic, documents, labels)
    if whole.kind == "number" and whole.low >= 0 and whole.high <= 1 and not whole.whole:
        return Answer({}, tuple(names) if len(names) == 2 else ("0", "1"), threshold=0.5)
    if len(whole.values) <= roles.CLASSES_MAX:
        return Answer({}, tuple(whole.values))
    if whole.kind == "number":
        return Answer({}, (), regression=True)
    raise ConfigError(
        f"{topic}: outputs are {len(whole.values):,} different texts; write the contract by hand: source.predictions in the README"
    )


def _of_list(topic: str, documents: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> Answer:
    """Probabilities of the classes, whose order is told by the labels that follow (else they are called by their places); or answer and score."""
    lists = [(str(document.get("id")), document[OUTPUT]) for document in documents if isinstance(document.get(OUTPUT), list)]
    width = Counter(len(values) for _, values in lists).most_common(1)[0][0]
    fit = [(name, values) for name, values in lists if len(values) == width and _probabilities(values)]
    if len(fit) < THERE * len(lists):
        return _of_places(topic, [values for _, values in lists if len(values) == width], set(labels.values()))
    follows = Counter((values.index(max(values)), labels[name]) for name, values in fit if name in labels)
    placed: dict[int, str] = {}
    for (place, label), _ in follows.most_common():
        if place not in placed and label not in placed.values():
            placed[place] = label
    classes = tuple(placed.get(place, str(place)) for place in range(width))
    return Answer({"scores": Found((OUTPUT,))}, classes, ordered=True)


def _of_places(topic: str, rows: Sequence[Sequence[Any]], labels: set[str]) -> Answer:
    """A column of few texts is the answer, one within 0..1 the score."""
    columns = [Field((OUTPUT, i)) for i in range(len(rows[0]) if rows else 0)]
    for row in rows:
        for field, value in zip(columns, row, strict=True):
            field.see(value)
    answers = [
        each for each in columns if 1 < len(each.values) <= roles.CLASSES_MAX and (each.kind == "text" or set(each.values) == labels)
    ]
    scores = [each for each in columns if each.kind == "number" and each.low >= 0 and each.high <= 1 and not each.whole]
    fields = {ours: Found(found[0].path) for ours, found in (("prediction", answers), ("score", scores)) if found}
    if not fields:
        raise ConfigError(
            f"{topic}: outputs are lists, but no probabilities; name the place of the answer by hand: "
            "source.predictions.fields: {prediction: output[0]}"
        )
    return Answer(fields, tuple(answers[0].values) if answers else tuple(labels), threshold=None if answers else 0.5)


def _probabilities(values: Sequence[Any]) -> bool:
    numbers = [each for each in values if isinstance(each, int | float) and 0 <= each <= 1]
    return 1 < len(numbers) == len(values) and abs(sum(numbers) - 1) <= 0.01


def labels_of(truths: Sequence[Mapping[str, Any]], identity: Steps | None, label: Steps | None) -> dict[str, str]:
    """Id -> label; of one whose id stands in the key alone, nothing."""
    if identity is None or label is None:
        return {}
    found = ((roles.dig(truth, identity), roles.dig(truth, label)) for truth in truths)
    return {str(name): canonical(value) for name, value in found if name is not None and isinstance(value, str | int | float)}
