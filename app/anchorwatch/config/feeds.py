"""Which topics are read together: each distinct set of source topics is a feed, with an ingest group of its own."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from anchorwatch.contract import JOINED, Contract
from anchorwatch.events import Role

DEFAULT = "default"
NAME_MAX = 100  # stands in names of groups and topics, which end at 249


class Feed(NamedTuple):
    name: str
    topics: dict[Role, str]  # role -> topic
    contracts: tuple[Contract, ...]
    rekeyed: Mapping[Role, str] = MappingProxyType(
        {}
    )  # role -> topic into which records of one that is not keyed by the prediction's id are written anew

    @property
    def read(self) -> dict[Role, str]:
        """What ingest reads."""
        return {**self.topics, **self.rekeyed}

    def outside(self, contract: Contract) -> list[str]:
        """Topics of its siblings that ingest does not read as they are, so that a process of their own counts them. Of predictions that are
        written anew nobody could tell ours from theirs: those are no siblings."""
        mine = {topic for role, topic in self.topics.items() if role == "predictions" or role not in self.rekeyed}
        return [topic for topic in contract.promises.alive.siblings if topic not in mine]

    @property
    def siblings(self) -> list[str]:
        """The same of all its models."""
        return list(dict.fromkeys(topic for contract in self.contracts for topic in self.outside(contract)))


def feeds(topic: Callable[[str], str], contracts: Iterable[Contract]) -> list[Feed]:
    """By name, the standard one (`default`) first. Without any contract the standard one alone: what comes there has no owner, and is said.

    `topic`: standard name -> name in force.
    """
    standard = tuple(topic(role) for role in JOINED)
    members: dict[tuple[str, ...], list[Contract]] = {}
    for contract in contracts:
        members.setdefault(contract.feed(topic), []).append(contract)
    if not members:
        members[standard] = []
    found = []
    for topics, own in members.items():
        name = DEFAULT if topics == standard else _name(topics, standard)
        read: dict[Role, str] = dict(zip(JOINED, topics, strict=False))
        for contract in own:
            read |= contract.topics(topic)
        unkeyed = [role for role in read if not all(contract.source.of(role).keyed for contract in own)]
        rekeyed: dict[Role, str] = {role: f"{topic('rekeyed')}.{name}.{role}" for role in unkeyed}
        found.append(Feed(name, read, tuple(own), rekeyed))
    return sorted(found, key=lambda feed: (feed.name != DEFAULT, feed.name))


def siblings_group(topic: str) -> str:
    """Of what counts a topic of siblings: the end of its group's name, and of its changelog's."""
    return f"siblings.{_short(topic)}"


def _short(topic: str) -> str:
    return topic if len(topic) <= NAME_MAX else f"{topic[:NAME_MAX]}-{hashlib.sha256(topic.encode()).hexdigest()[:8]}"


def _name(topics: tuple[str, ...], standard: tuple[str, ...]) -> str:
    """Of its own topics alone: the name of its group, so of its state, must not change when other models come and go."""
    short = topics[0][:NAME_MAX]
    if topics[1:] == standard[1:] and short == topics[0] and short != DEFAULT:
        return short
    return f"{short}-{hashlib.sha256(' '.join(topics).encode()).hexdigest()[:8]}"
