"""The settings as typed values: one installation. Attribute names are the keys of anchorwatch.yaml; durations are ms, sizes bytes."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path as File
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr, WithJsonSchema

from anchorwatch.config.feeds import Feed, feeds
from anchorwatch.config.secrets import Options
from anchorwatch.config.show import rows
from anchorwatch.contract import Contract
from anchorwatch.contract.model import Part
from anchorwatch.contract.reading import Places
from anchorwatch.contract.values import Duration, Number, Size, Text, TopicName, Unfit, Wait, Whole, shaped, text, within

DAY_MS = 86_400_000
TOPICS = (
    "predictions", "outcomes", "decisions", "complaints", "rekeyed", "observations", "findings", "alerts.events", "alerts.state",
    "flags", "commands", "contracts", "dead-letters",
)  # fmt: skip
OURS = frozenset((
    "group.id", "group.instance.id", "transactional.id", "isolation.level", "enable.auto.commit", "enable.partition.eof",
    "partition.assignment.strategy", "partitioner",
))  # fmt: skip  # exactness rests on them


def _option(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return text(value)


def _secret(value: object) -> SecretStr:
    return value if isinstance(value, SecretStr) else SecretStr(text(value))


def _prefix(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9.-]{0,100}", value):
        return str(value)
    raise Unfit("must be letters, digits, '.' and '-', at most 100; '_' and '.' are one character in Kafka's metric names")


_SECRET_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": r"\$\{"},
        {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"], "additionalProperties": False},
    ],
}
Secret = Annotated[SecretStr, BeforeValidator(_secret), WithJsonSchema(_SECRET_SCHEMA)]
Option = Annotated[str, BeforeValidator(_option), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Kafka = Annotated[dict[Text, Option], AfterValidator(Options)]
Port = Annotated[Whole, within(0, 65_535, "must be 0..65535; 0 takes any free port")]
Count = Annotated[Whole, within(1, 10_000, "must be 1..10000")]
Name = Annotated[Text, shaped(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}", "must be letters, digits, '.' and '-', at most 64")]


class Topics(Part):
    """Our own topics and the standard source topics; topics that contracts name are taken as they are."""

    prefix: Annotated[str, BeforeValidator(_prefix)] = "anchorwatch."
    partitions: Count = 12  # of predictions, outcomes, decisions, complaints, rekeyed: equal, for ever
    partitions_observations: Count = 6
    partitions_others: Count = 6
    replication: Annotated[Whole, within(1, 9, "must be 1..9")] = 3
    names: dict[Text, TopicName] = Field(default={})  # standard name -> another one, without prefix


class Pending(Part):
    """Predictions that wait for their outcome."""

    max: Size = 512_000_000  # per ingest task; beyond it the oldest leave, counted as expired


class Join(Part):
    pending: Pending = Pending()


class Sink(Part):
    """One way out for alerts."""

    kind: Text = Field(description="how alerts leave, as log or webhook")  # a file of sinks/
    url: Text | None = Field(None, repr=False)
    token: Secret | None = None  # sent as `Authorization: Bearer`
    timeout: Duration = 10_000


class Route(Part):
    """Which sinks hear of an alert. Contracts name routes in `owner.escalation`; `default` takes what names none."""

    sinks: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20, description="names of sinks, as [pager, log]")]
    owners: Annotated[tuple[Text, ...], Field(max_length=200)] = ()  # teams whose alerts go here without being told so
    severity: Literal["info", "warning", "critical"] = "info"  # and above


class TelemetrySettings(Part):
    """What `OTEL_*` variables do not say."""

    service_name: Text = "anchorwatch"
    spans_per_second_max: Count = 500


class DeadLetters(Part):
    values: Literal["verbatim", "none"] = "verbatim"  # raw records may hold personal data


class Hook(Part):
    """Flag changes that a provider POSTs to /hooks/<its name>; off without a secret."""

    secret: Secret | None = Field(None, description="the same as at the provider; from a variable or a file")
    environments: dict[Text, Text] = Field(default={"production": "prod"}, max_length=100)  # theirs -> ours; others keep their names
    environment: Text = "prod"  # of what names none, as an alias of MLflow


class Listener(Part):
    host: Text = "127.0.0.1"
    port: Port


class Settings(Part):
    """anchorwatch.yaml after flags, variables and defaults."""

    kafka: Kafka = Field(default_factory=Options)
    group: Kafka = Field(default_factory=Options)  # to the consumers alone
    registry: Kafka = Field(default_factory=Options)  # of schemas, in the names of its client: url, basic.auth.user.info, ...
    topics: Topics = Topics()
    window: Annotated[Duration, within(100, DAY_MS, "must be 100ms..1d")] = 10_000
    lateness: Annotated[Wait, within(0, DAY_MS, "must be at most 1d")] = 5_000
    grace: Annotated[Wait, within(0, DAY_MS, "must be at most 1d")] = 30_000
    clock: Literal["wall", "events"] = "wall"
    cut: Annotated[Duration, within(10, 60_000, "must be 10ms..1m")] = 1_000
    summary: Annotated[Duration, within(1_000, DAY_MS, "must be 1s..1d")] = 60_000  # between two records of a model for charts
    shown: Duration = 86_400_000  # what the numbers in them cover
    join: Join = Join()
    pages_per_month: Annotated[Number, within(0, 1_000, "must be above 0, at most 1000", open_low=True)] = 1.0
    fallback_owner: Annotated[str, BeforeValidator(text)] = ""
    instance: Name = "0"
    contracts: Annotated[File, BeforeValidator(lambda value: File(text(value)) if isinstance(value, str) else value)] = File("contracts")
    routes: dict[Name, Route] = Field(default={})
    sinks: dict[Name, Sink] = Field(default={})
    telemetry: TelemetrySettings = TelemetrySettings()
    dead_letters: DeadLetters = DeadLetters()
    run: Listener = Listener(port=6066)
    hooks: dict[Text, Hook] = Field(default={})
    _places: Places = PrivateAttr(default_factory=lambda: Places("default"))

    def topic(self, name: str) -> str:
        """`alerts.state` -> `anchorwatch.alerts.state`, or what `topics.names` says."""
        assert name in TOPICS, f"{name} is no standard topic"
        return self.topics.names.get(name) or self.topics.prefix + name

    @property
    def hooks_on(self) -> dict[str, Hook]:
        """By name, those with a secret."""
        return {name: hook for name, hook in sorted(self.hooks.items()) if hook.secret is not None}

    def feeds(self, contracts: Iterable[Contract]) -> list[Feed]:
        """Distinct sets of source topics, the standard one (`default`) first."""
        return feeds(self.topic, contracts)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """(key, value, where it was set) of every value in force; secrets are masked. For `config show`."""
        return rows(self.model_dump(mode="json"), self._places)
