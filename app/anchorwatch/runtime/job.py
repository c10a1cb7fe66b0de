"""What a stage's process is told by its supervisor; it travels over a pipe, since it may hold passwords."""

from typing import Any, Literal

import msgspec

from anchorwatch.config import TOPICS, Feed, Settings
from anchorwatch.config.feeds import siblings_group
from anchorwatch.events import Applied, Role

Stage = Literal["ingest", "judge", "rekey", "siblings"]


class Job(msgspec.Struct, frozen=True):
    """One process of one stage. Times are ms, sizes bytes, names of topics whole."""

    stage: Stage
    feed: str  # "" of judge; of `siblings` their topic, as contracts call it
    sources: dict[str, Role]  # topic -> what it carries; empty of judge, which reads observations
    rekeyed: list[str]  # of ingest: sources that `rekey` writes; of `rekey`: the one that it writes
    instance: str
    prefix: str
    topics: dict[str, str]  # standard name -> name in force
    kafka: dict[str, str]
    group: dict[str, str]
    registry: dict[str, str]
    files: list[Applied]  # contracts of the settings' folder
    window_ms: int
    lateness_ms: int
    grace_ms: int
    cut_ms: int
    summary_ms: int
    shown_ms: int
    wall: bool
    pending_bytes_max: int
    pages_per_month: float
    fallback_owner: str
    verbatim: bool
    service_name: str
    spans_per_second_max: int

    @property
    def name(self) -> str:
        """Tells processes of one supervisor apart."""
        if self.stage == "rekey":
            return f"rekey.{self.feed}.{next(iter(self.sources.values()))}"
        if self.stage == "siblings":
            return siblings_group(self.feed)
        return f"ingest.{self.feed}" if self.stage == "ingest" else "judge"

    @property
    def group_name(self) -> str:
        """Holds the truth: offsets, and the changelog of that name."""
        return self.prefix + self.name


def of_settings(settings: Settings, files: list[Applied], feed: Feed | None, role: Role | None = None) -> Job:
    """Ingest of that feed, or with `role` what rekeys its topic of that role; without a feed the judge."""
    values = _values(settings, files)
    if feed is None:
        return Job("judge", "", {}, [], **values)
    if role is not None:
        return Job("rekey", feed.name, {feed.topics[role]: role}, [feed.rekeyed[role]], **values)
    return Job("ingest", feed.name, {topic: each for each, topic in feed.read.items()}, list(feed.rekeyed.values()), **values)


def of_siblings(settings: Settings, files: list[Applied], topic: str, source: str = "") -> Job:
    """What counts that topic of siblings. source: under which name it is read, where that is another one."""
    return Job("siblings", topic, {source or topic: "siblings"}, [], **_values(settings, files))


def _values(settings: Settings, files: list[Applied]) -> dict[str, Any]:
    return {
        "instance": settings.instance, "prefix": settings.topics.prefix, "topics": {name: settings.topic(name) for name in TOPICS},
        "kafka": dict(settings.kafka), "group": dict(settings.group), "registry": dict(settings.registry),
        "files": files, "window_ms": settings.window,
        "lateness_ms": settings.lateness, "grace_ms": settings.grace, "cut_ms": settings.cut,
        "summary_ms": settings.summary, "shown_ms": settings.shown, "wall": settings.clock == "wall",
        "pending_bytes_max": settings.join.pending.max, "pages_per_month": settings.pages_per_month,
        "fallback_owner": settings.fallback_owner, "verbatim": settings.dead_letters.values == "verbatim",
        "service_name": settings.telemetry.service_name,
        "spans_per_second_max": settings.telemetry.spans_per_second_max,
    }  # fmt: skip
