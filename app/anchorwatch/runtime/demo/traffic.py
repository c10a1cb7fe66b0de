"""The loan service: customers come at a steady rate, the frozen model answers, the truth follows seconds later. All by our client library.

Faults are switches that an act turns while the service runs.
"""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from anchorwatch import trace
from anchorwatch.client import Client
from anchorwatch.runtime.demo.loans import FLAG, Application, Frozen, applications

TICK_S = 0.02
BACKLOG_S = 0.25  # after a stall at most so much is caught up at once; the rest of the customers went away
STOP_S_MAX = 5.0


@dataclass
class Faults:
    """What is wrong at the moment. Set by the play's thread, read by the service's."""

    renamed: tuple[str, str] | None = None  # a field, and the name under which it comes
    slow: tuple[str, float] | None = None  # a region, and how many times slower
    concept: str | None = None  # the region in which another answer is right
    off: bool = False


class Asked(NamedTuple):
    """One customer's question as the service puts it to the model."""

    features: dict[str, Any]
    latency_ms: float
    right: str
    faulty: bool


def asked(customer: Application, faults: Faults) -> Asked:
    region, features = customer.segments["region"], customer.features
    if faults.renamed is not None:
        old, new = faults.renamed
        features = {new if name == old else name: value for name, value in features.items()}
    slow = faults.slow is not None and faults.slow[0] == region
    anew = faults.concept == region
    return Asked(
        features,
        customer.latency_ms * (faults.slow[1] if faults.slow is not None and slow else 1.0),
        customer.right_anew if anew else customer.right,
        faults.renamed is not None or slow or anew,
    )


@dataclass
class Counts:
    """Since the start. `faulty`: of the predictions, those that a fault concerned."""

    predictions: int = 0
    faulty: int = 0
    outcomes: int = 0
    lost: int = 0  # customers who went away while the machine was busy
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Traffic:
    """One thread with an event loop. rate: predictions a second; 0.2 ms of a core each."""

    def __init__(self, client: Client, model: Frozen, rate: float, seed: int) -> None:
        self.client, self.model, self.rate = client, model, rate
        self.faults, self.counts = Faults(), Counts()
        self._customers = applications(seed)
        self._stopping = threading.Event()
        self._busy: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="loans", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more customers; what was told is delivered."""
        self._stopping.set()
        self._thread.join(STOP_S_MAX)
        self.client.flush(STOP_S_MAX)

    def flag(self, state: str, actor: str, reason: str) -> None:
        """Somebody turns the feature flag. `off`: the service asks the model no more."""
        self.client.flag(FLAG, state, actor=actor, reason=reason)
        self.faults.off = state == "off"

    async def _serve(self) -> None:
        last, due = time.monotonic(), 0.0
        while not self._stopping.is_set():
            now = time.monotonic()
            due += (now - last) * self.rate
            last = now
            if due > (most := self.rate * BACKLOG_S):
                self.counts.lost += int(due - most)
                due = most
            while due >= 1:
                due -= 1
                if not self.faults.off:
                    task = asyncio.create_task(self._answer(next(self._customers)))
                    self._busy.add(task)
                    task.add_done_callback(self._busy.discard)
            await asyncio.sleep(TICK_S)

    async def _answer(self, customer: Application) -> None:
        ask = asked(customer, self.faults)
        with self.client.predict(ask.features, customer.segments) as p:
            await asyncio.sleep(ask.latency_ms / 1000)
            answer, score = self.model.answer(ask.features)
            # the model's own time: what a busy laptop adds is true as well, but it is no act of this play
            p.answer(answer, score=score, latency_ms=round(ask.latency_ms, 3))
            context = p.traceparent
        with self.counts.lock:
            self.counts.predictions += 1
            self.counts.faulty += ask.faulty
        of = context if trace.sampled(context) else None
        asyncio.get_running_loop().call_later(customer.label_after_s, self._tell, p.id, ask.right, of)

    def _tell(self, prediction_id: str, right: str, of: str | None) -> None:
        self.client.outcome(prediction_id, right, of=of)
        self.counts.outcomes += 1

    def seen(self) -> tuple[int, int]:
        """(predictions, those that a fault concerned) so far."""
        with self.counts.lock:
            return self.counts.predictions, self.counts.faulty
