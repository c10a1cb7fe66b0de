"""What does the rate seen cost: cores, memory for the join, bytes written? From this project's own benchmarks, whose figures stand here once."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from anchorwatch.config import Feed
from anchorwatch.contract import Contract
from anchorwatch.contract.values import duration_text
from anchorwatch.runtime.doctor.facts import Facts
from anchorwatch.runtime.doctor.told import Told, fault, fine, span, weight

US_INGEST, US_JUDGE = 11.0, 1.6  # CPU of a prediction with its outcome, 12 features, 3 dimensions and pairs; ./scripts/bench throughput
WAITING_BYTES = 106  # a prediction that waits, by the growth of the process; the same run
WAITING_COUNTED = 79  # the same as `join.pending.max` counts it
RESTORED_BYTES = 200  # the same at the peak of a restore, when chunks and tables are both there; ./scripts/bench restore
PROCESS_BYTES = 150_000_000  # a stage before it holds anything
ROOM = 0.5  # a core is planned to be half busy: a backlog is caught up in the time it took to grow
# python -m scripts.benchmarks.written: bytes a second and copy of one task or model at so many predictions a second
RATES = (1, 10, 100, 1_000)
CHANGELOG = (2_569, 6_316, 24_995, 62_412)
OBSERVATIONS = (313, 1_271, 2_794, 3_365)
JUDGE = 18_801  # its changelog, a model; the rate does not matter
KEPT_S = 2_400  # of a changelog before it is compacted: segments of 10 min, a lag of 30
DAY = 86_400_000


class Size(NamedTuple):
    """Of one feed. Bytes are of one copy."""

    per_second: float
    tasks: int
    cores: float
    waiting: float  # predictions
    waiting_bytes: float
    changelog_bytes_per_second: float
    observations_bytes_per_second: float


def look(facts: Facts) -> Iterator[Told]:
    for feed in facts.feeds:
        size = of_feed(facts, feed)
        if size is None:
            continue
        yield from _memory(facts, feed, size)
        yield fine("sizing", told(feed.name, size))


def of_feed(facts: Facts, feed: Feed) -> Size | None:
    """None: nothing was written within the last day."""
    topic = facts.topic(feed.topics["predictions"])
    rate, tasks = facts.per_second(topic.name), len(topic.partitions)
    if not rate or not tasks:
        return None
    waiting = sum(_waits(contract) * rate * share for contract, share in _shares(facts, feed))
    per_task = rate / tasks
    return Size(
        rate, tasks, rate * (US_INGEST + US_JUDGE) / 1e6 / ROOM, waiting, waiting * WAITING_BYTES,
        tasks * _at(per_task, CHANGELOG) + JUDGE * max(len(feed.contracts), 1), tasks * _at(per_task, OBSERVATIONS),
    )  # fmt: skip


def _at(rate: float, figures: tuple[int, ...]) -> float:
    """Between the rates that were measured, as a power; beyond them as at the last one, per prediction."""
    if rate > RATES[-1]:
        return figures[-1] * rate / RATES[-1]
    return float(np.exp(np.interp(np.log(max(rate, 1e-9)), np.log(RATES), np.log(figures))))


def _waits(contract: Contract) -> float:
    """Seconds that a prediction stays: a joined one too, since its label may be revised."""
    return contract.labels.delay.final / 1_000


def _shares(facts: Facts, feed: Feed) -> list[tuple[Contract, float]]:
    """Of each model, by the newest records."""
    models = Counter(seen.model for seen in facts.sample(feed.topics["predictions"]).records)
    n = models.total()
    alone = len(feed.contracts) == 1
    return [(c, 1.0 if alone or not n else models[c.model] / n) for c in feed.contracts]


def _memory(facts: Facts, feed: Feed, size: Size) -> Iterator[Told]:
    limit = facts.settings.join.pending.max
    counted = size.waiting * WAITING_COUNTED / size.tasks
    final = max((contract.labels.delay.final for contract in feed.contracts), default=0)
    if counted <= limit:
        return
    covers = final * limit / counted
    wanted = -(-counted // 1_000_000)
    yield fault(
        "memory",
        f"{feed.name}: {size.waiting:,.0f} predictions wait up to {duration_text(final)}, {weight(counted)} a task; "
        f"join.pending.max {weight(limit)} covers {span(covers)}",
        f"join: {{pending: {{max: {wanted:.0f}MB}}}} where the memory is there, "
        f"or labels.delay.final: {duration_text(max(int(covers // DAY) * DAY, DAY))}",
    )


def told(name: str, size: Size) -> str:
    memory, peak = (PROCESS_BYTES * 2 + size.waiting * each for each in (WAITING_BYTES, RESTORED_BYTES))
    disk = size.changelog_bytes_per_second * KEPT_S + size.waiting * 54
    return (
        f"sizing {name}: {size.per_second:,.3g} predictions/s want {max(size.cores, 0.1):.2g} cores (half busy), {weight(memory)} of memory "
        f"({size.waiting:,.0f} predictions wait; {weight(peak)} while a restart restores them), "
        f"{weight(size.changelog_bytes_per_second)}/s of changelogs ({weight(disk)} kept), "
        f"{weight(size.observations_bytes_per_second)}/s of observations, a copy each"
    )
