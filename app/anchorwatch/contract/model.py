"""A contract as typed values: what a team promises about one model. Attribute names are the keys of the YAML file.

Durations are int milliseconds, points of time int milliseconds since 1970 UTC, shares 0..1. All models are frozen and refuse unknown keys.
Build one with `contract.parse` or `contract.from_json`: only they check what one part says about another (rules.py).
"""

import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from anchorwatch.contract.fields import steps
from anchorwatch.contract.values import (
    ClassName,
    Duration,
    Environment,
    Instant,
    ModelName,
    Number,
    SegmentName,
    Share,
    Switch,
    Text,
    TopicName,
    Unfit,
    Wait,
    Whole,
    text,
    within,
)
from anchorwatch.events import Role

DAY_MS = 86_400_000
FEATURES_MAX = 512  # as events carry
CLASSES_MAX = 256  # a confusion table has their square
GROUPINGS_MAX = 32
ALWAYS_MAX = 100  # never folded into `other`: each costs a share of the budget
JOINED: tuple[Role, ...] = ("predictions", "outcomes")  # read for every contract
READ: tuple[Role, ...] = (*JOINED, "decisions", "complaints")  # these where they are expected
Task = Literal["binary", "multiclass", "regression"]
FeatureType = Literal["number", "category", "text", "bool"]
Metric = Literal["accuracy", "f1", "precision", "recall", "roc_auc", "error", "mae", "rmse"]


class Part(BaseModel):
    """One mapping of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(Part):
    """Whom to tell next when nobody acknowledged in time."""

    to: Text = Field(description="a route of the settings file")
    after: Wait = Field(description="how long after the alert opened, as 30m")


class Owner(Part):
    """Who is woken. `team` is empty only in a contract read with `owned=False`: the judge then alerts `NoOwner`."""

    team: Annotated[str, BeforeValidator(text)] = ""
    escalation: Annotated[tuple[Step, ...], Field(max_length=10)] = ()
    tuner: Text | None = None
    runbook: Text | None = None


def _path(value: object) -> str:
    found = text(value)
    steps(found)
    return found


class Place(Part):
    """Where a foreign event holds the value of a field of ours, and a time's unit there."""

    path: Annotated[str, BeforeValidator(_path)] = Field(description="names with dots, as payload.scores[0]; $ is the whole event")
    unit: Literal["s", "ms", "us", "ns"] | None = None  # of a number; ms without


def _place(value: object) -> object:
    return value if isinstance(value, (dict, Place)) else {"path": _path(value)}


def _placed(value: Place) -> str | dict[str, str]:
    return value.path if value.unit is None else {"path": value.path, "unit": value.unit}


_PLACE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1, "examples": ["payment_id", "payload.scores[0]", '$.tags["geo.country"]']},
        {
            "type": "object",
            "properties": {"path": {"type": "string"}, "unit": {"enum": ["s", "ms", "us", "ns"]}},
            "required": ["path"],
            "additionalProperties": False,
        },
    ],
}
Placed = Annotated[Place, BeforeValidator(_place), PlainSerializer(_placed), WithJsonSchema(_PLACE_SCHEMA)]


class Input(Part):
    """Where one kind of event comes from, and how it is read. No topic: the standard one of the settings."""

    topic: TopicName | None = None
    format: Text = "native"
    fields: dict[Text, Placed] = {}  # a field of ours -> where it stands; overrides what the format says
    feature_names: Annotated[tuple[Text, ...], Field(max_length=FEATURES_MAX)] = ()  # of features that come as a list, in its order
    threshold: Share | None = None  # of a binary model that sends a score alone: from there on it is the positive class
    keyed: Switch = True  # by prediction id, with as many partitions as its siblings

    @property
    def foreign(self) -> bool:
        """Is it to be translated, in place of being read as it is?"""
        return self.format != "native" or bool(self.fields or self.feature_names) or self.threshold is not None


class Source(Part):
    predictions: Input = Input()
    outcomes: Input = Input()
    decisions: Input = Input()
    complaints: Input | None = None  # {}: from the standard topic; nothing: none are expected, unless they are promised to be few
    flags: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    pair_within: Duration = 600_000  # formats whose request and response are two records

    def of(self, role: str) -> Input:
        found: Input | None = getattr(self, role)
        return found or Input()


class Delay(Part):
    """When truth arrives. `typical` and `late`: p50 and p95, None: taken from the reference. `final`: when we stop waiting."""

    typical: Duration | None = None
    late: Duration | None = None
    final: Duration = 7 * DAY_MS


class Hidden(Part):
    prediction: ClassName


class Explored(Part):
    arm: Literal["model", "baseline", "shadow"] = "baseline"
    share: Share


class Labels(Part):
    classes: Annotated[tuple[ClassName, ...], Field(max_length=CLASSES_MAX)] = ()
    positive: ClassName | None = None  # of two classes the second, unless said
    delay: Delay = Delay()
    after_final: ClassName = "unknown"
    hidden_when: Hidden | None = None
    explored: Explored | None = None


def _interval(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] >= value[1]:
        raise Unfit("must be [from, to] with from below to")
    return value


Range = Annotated[tuple[Number, Number], AfterValidator(_interval)]


class Feature(Part):
    """One input of the model. None: no promise, judged against the reference."""

    type: FeatureType = Field(description="number, category, text or bool")
    unit: Text | None = None
    range: Range | None = None
    missing_max: Share | None = None
    stale_after: Duration | None = None
    values_max: Annotated[Whole, within(1, 1_000, "must be 1..1000")] = 250  # categories kept apart; above: `other`
    private: Switch = False  # its values show nowhere
    watch: Switch = True


Grouping = tuple[str, ...]


def _grouping(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


def _ungrouped(value: Grouping) -> str | list[str]:
    return value[0] if len(value) == 1 else list(value)


_GROUPING_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3}],
}


class Segments(Part):
    """`by`: groupings, single names as 1-tuples. `always`: `country=DE` or `country=DE,tier=gold`, names in the order of the grouping."""

    by: Annotated[
        tuple[
            Annotated[
                tuple[SegmentName, ...],
                BeforeValidator(_grouping),
                Field(min_length=1, max_length=3),
                PlainSerializer(_ungrouped),
                WithJsonSchema(_GROUPING_SCHEMA),
            ],
            ...,
        ],
        Field(max_length=GROUPINGS_MAX),
    ] = ()
    always: Annotated[tuple[Text, ...], Field(max_length=ALWAYS_MAX)] = ()
    discover: Annotated[Whole, within(0, 200, "must be 0..200")] = 0


class Reference(Part):
    """What we call normal: `window` [from, to), or the `last` days that ended `lag` ago; without rows there, the first ones: `learn`."""

    window: tuple[Instant, Instant] | None = None
    last: Duration = 28 * DAY_MS
    lag: Wait = 7 * DAY_MS
    learn: Duration = DAY_MS
    season: Literal["none", "day", "week"] = "none"


class Value(Part):
    """Money per case: `true_<class>`, `false_<class>`, `missed_<class>`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Number]
    unit: Text

    @property
    def cells(self) -> dict[str, float]:
        return dict(self.__pydantic_extra__)


class Baseline(Part):
    """What would be without the model."""

    nothing: ClassName
    value: Value | None = None


class LatencyPromise(Part):
    """Milliseconds; None: judged against the reference."""

    inference_p50: Duration | None = None
    inference_p90: Duration | None = None
    inference_p95: Duration | None = None
    inference_p99: Duration | None = None
    end_to_end_p50: Duration | None = None
    end_to_end_p90: Duration | None = None
    end_to_end_p95: Duration | None = None
    end_to_end_p99: Duration | None = None


class QualityPromise(Part):
    """`at_least` for what should be high, `at_most` for `error`, `mae`, `rmse`; the line lies `tolerate` beyond it."""

    metric: Metric
    at_least: Number | None = None
    at_most: Number | None = None
    tolerate: Annotated[Number, within(0, 1e15, "must be 0 or above")] = 0.0
    in_every_segment: Switch = False


class LabelsPromise(Part):
    coverage_at_least: Share
    by: Duration


class ImpactPromise(Part):
    """`within`, `complaints_within`: how long after its prediction a decision or a complaint counts. None: the reference's p95."""

    followed_at_least: Share | None = None  # of decisions
    within: Duration | None = None
    complaints_at_most: Share | None = None  # of predictions
    complaints_within: Duration | None = None


class AlivePromise(Part):
    silent_after: Duration | None = None
    siblings: Annotated[tuple[TopicName, ...], Field(max_length=20)] = ()


class Promises(Part):
    latency: LatencyPromise = LatencyPromise()
    quality: QualityPromise | None = None
    labels: LabelsPromise | None = None
    impact: ImpactPromise | None = None
    alive: AlivePromise = AlivePromise()


class Budget(Part):
    weight: Annotated[Number, within(0, 100, "must be above 0, at most 100", open_low=True)] = 1.0


class WatchSetting(Part):
    """`disabled` is the reason and needs an end, `until`. `detectors`: estimators to ask for advice, outside the budget."""

    disabled: Text | None = None
    until: Instant | None = None
    detectors: Annotated[tuple[Text, ...], Field(max_length=10)] = ()


class Contract(Part):
    """What a team promises about one model in one environment."""

    contract: Annotated[Whole, within(1, 1, "this version reads contract: 1")] = Field(description="write contract: 1")
    model: ModelName = Field(description="its name, as predictions carry it")
    environment: Environment = "prod"
    task: Task = Field(description="binary, multiclass or regression")
    timezone: Text = "UTC"
    owner: Owner = Owner()
    source: Source = Source()
    labels: Labels = Labels()
    decisions: dict[ClassName, Text] = {}
    features: Annotated[dict[Text, Feature], Field(max_length=FEATURES_MAX)] = {}
    segments: Segments = Segments()
    reference: Reference = Reference()
    baseline: Baseline | None = None
    promises: Promises = Promises()
    budget: Budget = Budget()
    watches: dict[Text, WatchSetting] = {}

    @property
    def key(self) -> str:
        """`<environment>/<model>`: its record key in `contracts`."""
        return f"{self.environment}/{self.model}"

    @property
    def expects_decisions(self) -> bool:
        """Is anything said of them? Then the topic of decisions is read."""
        return bool(self.decisions) or (self.promises.impact is not None and self.promises.impact.followed_at_least is not None)

    @property
    def expects_complaints(self) -> bool:
        """The same of complaints: they are promised to be few, or it is said where they come from."""
        return self.source.complaints is not None or (
            self.promises.impact is not None and self.promises.impact.complaints_at_most is not None
        )

    def topics(self, topic: Callable[[str], str]) -> dict[Role, str]:
        """Role -> topic that is read for it. `topic`: standard name -> name in force."""
        expected = {"decisions": self.expects_decisions, "complaints": self.expects_complaints}
        return {role: self.source.of(role).topic or topic(role) for role in READ if expected.get(role, True)}

    def feed(self, topic: Callable[[str], str]) -> tuple[str, ...]:
        """The topics by which its feed is known: standard decisions and complaints leave a feed as it is, so that it keeps its name, and its
        state, when they come or go. Complaints are marked, as no topic's name may be: one of decisions is another feed."""
        own = {role: name for role, name in self.topics(topic).items() if role in JOINED or name != topic(role)}
        return tuple(f"{role}={name}" if role == "complaints" else name for role, name in own.items())

    @cached_property
    def id(self) -> str:
        """16 hex digits of its content: equal contracts, however written, have equal ids; a default of a new key changes none."""
        canonical = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """In the shape of the file, without what equals a default."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
