"""Which fields has each event, of what strict type, with what default, and who reads them when the strict reading failed."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from anchorwatch.events import Answer, Flag
from anchorwatch.sources.base import Shape
from anchorwatch.sources.native import readers
from anchorwatch.sources.native.readers import Reader
from anchorwatch.sources.native.times import MS_END

NEEDED = msgspec.NODEFAULT


class Field(NamedTuple):
    name: str
    kind: Any  # strict type, without null
    default: Any  # when absent or null; NEEDED: refused then
    read: Reader


Id = Annotated[str, Meta(min_length=1, max_length=readers.ID_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Short = Annotated[str, Meta(max_length=64)]
Long = Annotated[str, Meta(max_length=200)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(gt=0, le=1)]
Time = Annotated[int, Meta(ge=0, lt=MS_END)] | str  # a float goes the careful way
Whole = Annotated[int, Meta(ge=0, lt=2**31)]
Trace = Annotated[str, Meta(min_length=55, max_length=55)]  # its letters are looked at by column


class Age(msgspec.Struct, gc=False):
    """Of one feature: when its value was made. A time in text goes the careful way."""

    at_ms: Annotated[int, Meta(ge=0, lt=MS_END)] | None = None
    status: Short | None = None


_IDENTITY = Field("prediction_id", Id, NEEDED, readers.identity)
_ENVIRONMENT = Field("environment", Name, "prod", readers.text_up_to(64))
_TRACE = Field("traceparent", Trace, None, readers.traceparent)

PREDICTION = (
    _IDENTITY,
    Field("prediction", Answer, NEEDED, readers.answer),
    Field("score", Probability, None, readers.probability),
    Field("scores", dict[str, Probability], None, readers.probabilities),
    Field("segments", dict[str, str], {}, readers.segments),
    Field("predicted_at_ms", Time, None, readers.time),
    Field("requested_at_ms", Time, None, readers.time),
    Field("latency_ms", Annotated[float, Meta(ge=0)], None, readers.milliseconds),
    Field("model_version", Short, "", readers.text_up_to(64)),
    _ENVIRONMENT,
    Field("status", Whole, 200, readers.whole_number),
    Field("propensity", Weight, 1.0, readers.weight),
    Field("sampling_fraction", Weight, 1.0, readers.weight),
    Field("arm", Literal["model", "baseline", "shadow"], "model", readers.one_of("model", "baseline", "shadow")),
    Field("baseline_prediction", Answer, None, readers.answer),
    Field("flag", Flag, None, readers.flag),
    Field("feature_meta", dict[str, Age], None, readers.feature_meta),
    _TRACE,
)
OUTCOME = (
    _IDENTITY,
    Field("label", Answer, NEEDED, readers.answer),
    Field("known_at_ms", Time, None, readers.time),
    Field("revision", Whole, 0, readers.whole_number),
    Field("kind", Literal["observed", "proxy"], "observed", readers.one_of("observed", "proxy")),
    Field("source", Short, "", readers.text_up_to(64)),
    _ENVIRONMENT,
    _TRACE,
)
DECISION = (
    _IDENTITY,
    Field("action", Name, NEEDED, readers.needed_text_up_to(64)),
    Field("recommended", Name, None, readers.text_up_to(64)),
    Field("use", Literal["followed", "overridden", "ignored"], None, readers.one_of("followed", "overridden", "ignored")),
    Field("would_have_been", Name, None, readers.text_up_to(64)),
    Field("decided_at_ms", Time, None, readers.time),
    Field("actor", Long, "", readers.text_up_to(200)),
    Field("reason", Long, "", readers.text_up_to(200)),
    _ENVIRONMENT,
)
COMPLAINT = (
    _IDENTITY,
    Field("kind", Name, "complaint", readers.text_up_to(64)),
    Field("complained_at_ms", Time, None, readers.time),
    Field("actor", Long, "", readers.text_up_to(200)),
    Field("source", Short, "", readers.text_up_to(64)),
    _ENVIRONMENT,
)
FLAG_CHANGE = (
    Field("key", Annotated[str, Meta(min_length=1, max_length=200)], NEEDED, readers.needed_text_up_to(200)),
    Field("state", Annotated[str, Meta(min_length=1, max_length=200)], NEEDED, readers.state),
    Field("kind", Literal["flag", "deploy", "alias", "config"], "flag", readers.one_of_or_default("flag", "deploy", "alias", "config")),
    Field("before", Annotated[str, Meta(min_length=1, max_length=200)], None, readers.text_up_to(200)),
    Field("models", list[str], None, readers.names),
    Field("announced", bool, False, readers.truth),
    Field("changed_at_ms", Time, None, readers.time),
    Field("actor", Long, "", readers.text_up_to(200)),
    Field("reason", Long, "", readers.text_up_to(200)),
    Field("version", Short, "", readers.text_up_to(64)),
    Field("url", Annotated[str, Meta(max_length=2_000)], "", readers.text_up_to(2_000)),
    _ENVIRONMENT,
)

_FEATURES = {"number": float, "bool": bool, "category": str, "text": str}


class Features(NamedTuple):
    """The features of one shape, as structs with the attributes f0, f1, ... in its order."""

    strict: type[msgspec.Struct]  # each of its own type or null; frozen, so that one without any serves all records that have none
    loose: type[msgspec.Struct]  # each a number, text, bool or null
    kinds: tuple[tuple[str, str, str], ...]  # attribute, name in JSON, kind
    types: tuple[type, ...]  # float, bool or str
    matchable: bool  # False: a name that msgspec cannot match, so records of this shape are always read carefully


def features_of(shape: Shape | None) -> Features:
    kinds = tuple((f"f{i}", name, kind) for i, (name, kind) in enumerate(shape.features.items() if shape else ()))
    types = tuple(_FEATURES[kind] for _, _, kind in kinds)
    matchable = all(character not in '"\\' and character >= " " for _, name, _ in kinds for character in name)

    def struct(each: Sequence[Any], *, frozen: bool) -> type[msgspec.Struct]:
        defaults = [msgspec.field(default=None, name=name) if matchable else None for _, name, _ in kinds]
        members = [(kind[0], one | None, default) for kind, one, default in zip(kinds, each, defaults, strict=True)]
        return msgspec.defstruct("Features", members, gc=False, frozen=frozen)  # gc=True costs 40 % of the decoding time

    return Features(struct(types, frozen=True), struct([float | str | bool] * len(types), frozen=False), kinds, types, matchable)


def struct_of(
    name: str, fields: Sequence[Field], *, model: tuple[Any, str | None] | None, tag: str | None, features: Features | None, loose: bool
) -> type[msgspec.Struct]:
    """A struct of one event: of strict types, or `loose`: null is allowed, nothing needed, a score may be any number.

    `model`: type and default (None: needed) of the field `model`. `tag`: `model` is a tag with this value instead.
    """
    members: list[Any] = []
    if model is not None:
        kind, default = model
        members.append(("model", kind | None, None) if loose else ("model", kind) if default is None else ("model", kind, default))
    for field in fields:
        kind = float if loose and field.kind is Probability else field.kind
        if loose or field.default is None:
            kind |= None
        if field.default is NEEDED:
            members.append((field.name, kind, None) if loose else (field.name, kind))
        else:
            members.append((field.name, kind, msgspec.field(default_factory=dict) if field.default == {} else field.default))
    if features is not None:
        members.append(("features", features.loose | None, None) if loose else ("features", features.strict, features.strict()))
    members.sort(key=len)  # those without a default first
    # a tagged struct does not keep its tag as an attribute: its class does
    namespace = {} if tag is None else {"model": tag}
    return msgspec.defstruct(name, members, gc=False, namespace=namespace, tag_field=None if tag is None else "model", tag=tag)
