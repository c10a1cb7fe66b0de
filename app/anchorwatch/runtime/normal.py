"""What stood in the topics in each contract's reference window? Read once for all models of the same topics, then learnt one by one."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from anchorwatch.config import Settings
from anchorwatch.contract import Contract
from anchorwatch.engine.tail import Told, by_time, tail
from anchorwatch.errors import ConfigError
from anchorwatch.events import Role, Row, headed
from anchorwatch.runtime import formats, schemas
from anchorwatch.runtime.alerted import alerted, under, words
from anchorwatch.sources import foreign
from anchorwatch.sources.foreign import Translator
from anchorwatch.stages._formats import Decoder
from anchorwatch.stages.reference import ROWS_MIN
from anchorwatch.watches.spans import Spans

if TYPE_CHECKING:
    from anchorwatch.runtime.drive import Event

ROWS_MAX = 1_000_000  # predictions held at once, 1.5 GB of memory; above: half of the models at a time, and one alone is refused
BATCH = 2_000  # records decoded at once

Say = Callable[[str], None]  # how far it is, for whoever waits
Topics = tuple[tuple[Role, str], ...]  # of predictions, outcomes and, where they are expected, decisions and complaints
Times = tuple[int, int]  # [from, to) in ms


class Normal(NamedTuple):
    """reference: as JSON; None: too few predictions are there, the model will be learning. origin: how it was found, in words."""

    reference: dict[str, Any] | None
    origin: str


class TooMany(Exception):
    """More rows than are held at once."""


def from_topics(settings: Settings, contracts: Iterable[Contract], now_ms: int, say: Say = lambda _: None) -> dict[str, Normal]:
    """By `<environment>/<model>`. Raises ConfigError, ContractError, TopicsMismatch, Unreachable."""
    groups: dict[Topics, list[Contract]] = {}
    for contract in contracts:
        groups.setdefault(tuple(contract.topics(settings.topic).items()), []).append(contract)
    found: dict[str, Normal] = {}
    total = sum(map(len, groups.values()))
    open_spans = alerted(settings, {c.key for group in groups.values() for c in group}, _first(groups, now_ms)) if groups else {}
    for topics, group in groups.items():
        waiting = [group]
        while waiting:
            some = waiting.pop()
            try:
                stood = _read(settings, topics, {c.key: (c, window(c, now_ms)) for c in some}, say, settings.window)
            except TooMany:
                waiting += _halves(some)
                continue
            for contract in some:
                events = stood.of_model(contract.key)
                found[contract.key] = _learn(contract, topics, window(contract, now_ms), events, stood.trouble, open_spans[contract.key])
                say(f"what is normal is known for {len(found):,} of {total:,} models")
    return found


def stood(
    settings: Settings, contract: Contract, times: Times, say: Say = lambda _: None, *, step_ms: int = 0
) -> "tuple[list[Event], str]":  # fmt: skip
    """Predictions of that time, every outcome of them and reaction to them, as native events; and of what could not be read, in words.

    Of its siblings their number in each `step_ms` (0: the settings' window), at its begin.
    Raises ConfigError: too many; TopicsMismatch: a topic is not there; Unreachable.
    """
    try:
        topics = tuple(contract.topics(settings.topic).items())
        found = _read(settings, topics, {contract.key: (contract, times)}, say, step_ms or settings.window)
        return found.of_model(contract.key), found.trouble
    except TooMany as error:
        raise ConfigError(f"{contract.key}: more than {ROWS_MAX:,} predictions since {day(times[0])}; name a shorter time") from error


def window(contract: Contract, now_ms: int) -> Times:
    """[from, to) of the contract's reference, ms."""
    wish = contract.reference
    if wish.window:
        return wish.window
    end = now_ms - wish.lag
    return end - wish.last, end


def day(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(ms / 1000)) + " UTC"


def _first(groups: Mapping[Topics, Sequence[Contract]], now_ms: int) -> int:
    """The first moment that any of them wants."""
    return max(min(window(contract, now_ms)[0] for group in groups.values() for contract in group), 0)


def _learn(contract: Contract, topics: Topics, times: Times, events: "list[Event]", trouble: str, left_out: Spans) -> Normal:
    without = words(events, left_out)
    n = sum(event.role == "predictions" for event in events) - under(events, left_out)
    where = f"{day(times[0])} to {day(times[1])} of {topics[0][1]}"
    if n < ROWS_MIN:
        return Normal(None, f"only {n} predictions from {where}{without}, {ROWS_MIN} are needed{trouble}")
    from anchorwatch.runtime.backtest import learned  # with both stages, a second

    return Normal(learned(contract, events, left_out=left_out), f"from {where}{without}{trouble}")


def _halves(contracts: Sequence[Contract]) -> list[list[Contract]]:
    if len(contracts) == 1:
        raise ConfigError(
            f"the reference window of {contracts[0].key} holds more than {ROWS_MAX:,} predictions; "
            "write a shorter reference.window, or give a file with --reference"
        )
    half = len(contracts) // 2
    return [list(contracts[half:]), list(contracts[:half])]


@dataclass
class Stood:
    """What is found, by `<environment>/<model>`."""

    wanted: Mapping[str, tuple[Contract, Times]]
    events: "dict[str, list[Event]]"
    ids: dict[str, set[bytes]]
    refused: Counter[str]  # why -> records of which nothing can be read
    siblings: dict[str, Counter[tuple[str, int]]]  # (topic, number of a step) -> events of its siblings
    step_ms: int
    n_read: int = 0

    @classmethod
    def of(cls, wanted: Mapping[str, tuple[Contract, Times]], step_ms: int) -> "Stood":
        counters: dict[str, Counter[tuple[str, int]]] = {key: Counter() for key in wanted}
        return cls(wanted, {key: [] for key in wanted}, {key: set() for key in wanted}, Counter(), counters, step_ms)

    def sibling(self, key: str, topic: str, at_ms: int) -> None:
        """One event of a topic that this model calls a sibling."""
        begin, end = self.wanted[key][1]
        if begin <= at_ms < end:
            self.siblings[key][topic, at_ms // self.step_ms] += 1

    def naming(self, topic: str) -> list[str]:
        return [key for key, (contract, _) in self.wanted.items() if topic in contract.promises.alive.siblings]

    def take(self, topic: str, role: Role, rows: Sequence[Row], decoder: Decoder, translator: Translator | None) -> None:
        from anchorwatch.runtime.drive import Event

        opened = None if translator is None else translator.open(rows)
        batch = rows if opened is None else opened.rows
        decoded = decoder.decode(batch)
        refused = decoded.refused if opened is None else opened.refusals(decoded.refused)
        self.refused.update(f"{each.path} {each.reason}" for each in refused)
        places = range(len(batch)) if decoded.rows is None else decoded.rows
        siblings_of = self.naming(topic)
        for record, at_ms, place in zip(decoded.records, decoded.at_ms.tolist(), places, strict=True):
            key = f"{record.environment}/{record.model}"
            for each in siblings_of:
                if role != "predictions" or each != key:  # as stages/beside.py counts them
                    self.sibling(each, topic, at_ms)
            if key not in self.wanted:
                continue
            begin, end = self.wanted[key][1]
            if role != "predictions" or begin <= at_ms < end:
                name = record.prediction_id.encode()
                self.events[key].append(Event(role, at_ms, name, batch[place][1] or b""))
                if role == "predictions":
                    self.ids[key].add(name)
        self.n_read += len(rows)

    def of_model(self, key: str) -> "list[Event]":
        """Its predictions and every outcome of them, and how many siblings came, in the order of time; they leave."""
        from anchorwatch.runtime.drive import Event

        ids = self.ids[key]
        kept = [event for event in self.events.pop(key) if event.key in ids]
        counted = self.siblings.pop(key).items()
        kept += [Event("siblings", number * self.step_ms, topic.encode(), b"%d" % n) for (topic, number), n in counted]
        return sorted(kept, key=lambda event: (event.at_ms, event.role != "predictions"))

    @property
    def trouble(self) -> str:
        """In words; "": every record can be read."""
        if not self.refused:
            return ""
        worst = self.refused.most_common(1)[0][0]
        return f"; {self.refused.total():,} records cannot be read, mostly {worst[:160]}"


def _read(settings: Settings, topics: Topics, wanted: Mapping[str, tuple[Contract, Times]], say: Say, step_ms: int) -> Stood:
    """Of each model the predictions of its window, every outcome of them and reaction to them, and its siblings. Raises TooMany."""
    found = Stood.of(wanted, step_ms)
    named = dict(topics)
    models = sorted({contract.model for contract, _ in wanted.values()})
    make = {role: formats.make(role, [(model, {}) for model in models], models[0] if len(models) == 1 else None) for role, _ in topics}
    with schemas.opened(settings.registry) as known:
        translators = {role: foreign.of_contracts(role, [contract for contract, _ in wanted.values()], known) for role, _ in topics}
        halves = any(translator and translator.format.half for translator in translators.values())
        for role, rows in _batches(settings, topics, min(begin for _, (begin, _) in wanted.values()), halves=halves):
            if known:
                known.insist(rows)
            found.take(named.get(role, ""), role, rows, make[role], translators[role])
            say(f"{found.n_read:,} records of {' and '.join(name for _, name in topics)} are read")
            if sum(map(len, found.ids.values())) > ROWS_MAX:
                raise TooMany
    _read_outside(settings, topics, found, say)
    return found


def _read_outside(settings: Settings, topics: Topics, found: Stood, say: Say) -> None:
    """Topics of siblings that the models' own feed does not read: every record counts, at the time at which it was written."""
    outside = {topic for contract, _ in found.wanted.values() for topic in contract.promises.alive.siblings} - {name for _, name in topics}
    for topic in sorted(outside):
        naming, n = found.naming(topic), 0
        begin = max(min(found.wanted[key][1][0] for key in naming), 0)
        for n, told in enumerate(tail(settings.kafka, [topic], since=begin, until_end=True), 1):
            for key in naming:
                found.sibling(key, topic, told.time_ms)
            if not n % BATCH:
                say(f"{n:,} records of {topic}, whose events are siblings, are read")


def _batches(settings: Settings, topics: Topics, begin: int, *, halves: bool) -> Iterator[tuple[Role, list[Row]]]:
    """What stands in the topics since then. halves: of one event they may lie on different partitions, so those are read side by side."""
    roles: dict[str, Role] = {name: role for role, name in topics}
    batches: dict[Role, list[Row]] = {role: [] for role, _ in topics}
    read: Iterator[Told] = (
        by_time(settings.kafka, list(roles), begin) if halves else tail(settings.kafka, list(roles), since=begin, until_end=True)
    )
    for told in read:
        batch = batches[roles[told.topic]]
        batch.append(headed((told.key, told.value, told.offset, told.time_ms), told.headers))
        if len(batch) >= BATCH:
            yield roles[told.topic], batch
            batch.clear()
    yield from batches.items()
