"""Up to when is it known that nothing more lies behind what was read?

A topic that was read to its end once is not at its end for ever: while Kafka is away, events wait at their producers, and for some time after it
is back. Until they had time to come, the wall's clock says nothing about them; else 643 of 1,080 held back for 8 s were counted as late.
"""

import logging
import time
from collections.abc import Mapping

import confluent_kafka as ck

from anchorwatch.engine.task import Task

log = logging.getLogger(__name__)
LOOK_EVERY = 0.5  # seconds between two questions; one request for all partitions
AWAY_AFTER = 3.0  # seconds without an answer: Kafka was away
PRODUCERS_RETURN = 15.0  # seconds in which producers have connected anew (10 at most by default) and sent what they held


class Ends:
    def __init__(self) -> None:
        self.asked = self.answered = self.trusted_from = 0.0  # monotonic

    def look(self, consumer: ck.Consumer, tasks: Mapping[int, Task], now_ms: int) -> None:
        """now_ms: wall clock of the last poll. Notes in each task the topics that hold nothing beyond what it read."""
        now = time.monotonic()
        if now - self.asked < LOOK_EVERY or not tasks:
            return
        self.asked = now
        asked = [ck.TopicPartition(topic, p, ck.OFFSET_END) for p, task in tasks.items() for topic in task.next]
        try:
            ends = consumer.offsets_for_times(asked, 1.0)
        except ck.KafkaException:  # away, or a leader moves: asked again
            return
        if self.answered and now - self.answered > AWAY_AFTER:
            self.trusted_from = now + PRODUCERS_RETURN
            log.warning("kafka.was_away seconds=%.1f", now - self.answered)
        self.answered = time.monotonic()
        for tp in ends if now >= self.trusted_from else ():
            task = tasks[tp.partition]
            if tp.error is None and tp.offset <= task.known_to(tp.topic):
                task.looked_ms[tp.topic] = now_ms
