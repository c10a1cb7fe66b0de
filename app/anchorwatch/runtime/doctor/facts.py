"""What was gathered before anything is judged: plain values, so that every check is a pure function of them.

None means: could not be looked at, for want of a right or of an answer. It never means "none".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from anchorwatch.config import Settings
from anchorwatch.config.feeds import Feed
from anchorwatch.contract import Contract
from anchorwatch.events import Role


@dataclass(frozen=True)
class Address:
    """One host and port that we, or Kafka's own metadata, name."""

    place: str  # host:port
    origin: str  # "kafka.bootstrap.servers", "broker 2", "sinks.pager"
    trouble: str = ""  # why it cannot be reached; "": it answers
    certificate_ends_ms: int | None = None  # where it speaks TLS
    tls: bool | None = None  # does it answer a TLS greeting? None: not asked


@dataclass(frozen=True)
class Partition:
    """low: first offset that is kept. decided: the end for committed readers. end: of the log. Offsets of -1: not told."""

    leader: int
    replicas: int
    in_sync: int
    low: int = -1
    decided: int = -1
    end: int = -1
    hour_ago: int = -1  # the first offset of the last hour, -1: nothing since then
    day_ago: int = -1


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: tuple[Partition, ...] = ()  # empty: no such topic, or not for us to see
    trouble: str = ""  # what Kafka says instead
    config: Mapping[str, str] | None = None
    rights: frozenset[str] | None = None  # READ, WRITE, ...: what this user may do

    def since(self, when: str) -> int:
        """Records of the last hour (`hour_ago`) or day (`day_ago`)."""
        starts = [(getattr(p, when), p.end) for p in self.partitions]
        return sum(end - start for start, end in starts if 0 <= start <= end)


@dataclass(frozen=True)
class Seen:
    """One record of a sample. `stated`: the event's own time as written, None: not there."""

    partition: int
    time_ms: int
    stamped_by_broker: bool
    key: bytes | None
    id: str | None  # the prediction id in the value; None: not there
    stated: int | float | str | None
    model: str = ""
    value: bytes = b""  # kept of the newest some thousand


@dataclass(frozen=True)
class Sample:
    """The newest records of a topic, whole in time: nothing between `reach_ms` and now was left out."""

    topic: str
    records: tuple[Seen, ...]
    reach_ms: int  # the oldest record of the partition that was cut off first; 0: all that the topic holds
    unreadable: int = 0  # records whose value is no JSON object
    unreadable_head: bytes = b""  # how one of them begins
    unreadable_why: str = ""  # of a foreign topic: path and reason of one of them, and after "; " what to do
    tombstones: int = 0


@dataclass(frozen=True)
class Held:
    """A partition whose newest records are not decided: a transaction is open, or lost."""

    topic: str
    partition: int
    offset: int
    behind: int
    since_ms: int | None  # time of the first record that waits


@dataclass(frozen=True)
class Member:
    client: str
    host: str
    instance: str  # "" of a member without a stable name


@dataclass(frozen=True)
class Group:
    """committed: topic -> partition -> offset, -1 nothing. members None: groups cannot be listed by us, or it has none: not the same."""

    name: str
    sources: tuple[str, ...]
    committed: Mapping[str, Mapping[int, int]] | None = None
    members: tuple[Member, ...] | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Facts:
    now_ms: int
    settings: Settings
    contracts: tuple[Contract, ...]  # what is in force, and files that were given
    applied: Mapping[str, bool] = field(default_factory=dict)  # `<environment>/<model>` in force in Kafka -> it has a reference
    feeds: tuple[Feed, ...] = ()
    addresses: tuple[Address, ...] = ()
    trouble: str = ""  # why Kafka does not answer; all below is empty then
    answer_ms: float | None = None
    brokers: int = 0
    broker_config: Mapping[str, str] | None = None
    cluster_rights: frozenset[str] | None = None
    acls: int | None = None  # how many we were shown
    topics: Mapping[str, Topic] = field(default_factory=dict)
    held: tuple[Held, ...] = ()
    samples: Mapping[str, Sample] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    transactions: str | None = None  # "": we may write in transactions; else why not; None: not tried
    codecs: frozenset[str] = frozenset()  # built into this client
    registry: str | None = None  # of schemas: "" it answers or was not needed, else why not; None: none is set

    def topic(self, name: str) -> Topic:
        return self.topics.get(name) or Topic(name, trouble="not looked at")

    def sample(self, name: str) -> Sample:
        return self.samples.get(name) or Sample(name, (), 0)

    def sources(self) -> dict[str, Role]:
        """Topic -> what it carries, of all feeds."""
        return {topic: role for feed in self.feeds for role, topic in feed.topics.items()}

    def rekeyed(self) -> list[str]:
        """Topics that `rekey` writes, of all feeds."""
        return [topic for feed in self.feeds for topic in feed.rekeyed.values()]

    def siblings(self) -> list[str]:
        """Topics of siblings that no feed of theirs reads."""
        return list(dict.fromkeys(topic for feed in self.feeds for topic in feed.siblings))

    def per_second(self, topic: str) -> float:
        """Records a second, markers of transactions included: of the last hour, or of the last day where that is more."""
        found = self.topic(topic)
        return max(found.since("hour_ago") / 3_600, found.since("day_ago") / 86_400)
