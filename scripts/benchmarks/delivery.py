"""What does it cost to bring rows to a stage? Our engine with a stage that only counts them."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from anchorwatch.engine.app import App
from anchorwatch.engine.task import Batch
from anchorwatch.events import Row
from anchorwatch.stages.report import Frozen, Report


class Nothing:
    """A stage that counts rows only: what is left is the cost of delivery, cuts and transactions."""

    seen: ClassVar[dict[str, int]] = {}  # of all tasks

    def take(self, topic: str, rows: Sequence[Row], polled_ms: int, traceparents: Sequence[bytes | None] | None) -> None:
        del polled_ms, traceparents
        self.seen[topic] = self.seen.get(topic, 0) + len(rows)

    def tick(self, now_ms: int, ended: frozenset[str]) -> None: ...

    def due(self) -> bool:
        return False

    def freeze(self, spans: Mapping[str, tuple[int, int]]) -> Frozen:
        del spans
        return Frozen({}, [], Report())


def run(kafka: dict[str, Any], prefix: str, predictions: int, tell: Callable[..., None]) -> NoReturn:
    """As a process of ingest; `tell` is called once, with the totals."""
    topics = [f"{prefix}predictions", f"{prefix}outcomes"]
    app = App(f"{prefix}ingest.default", kafka, "delivery", topics, lambda *_: Nothing())

    @app.agent(app.batches)
    async def count(batches: AsyncIterator[Batch]) -> None:
        told = False
        async for batch in batches:
            batch.take()
            if not told and all(Nothing.seen.get(topic, 0) >= predictions for topic in topics):
                told = True
                tell(predictions=Nothing.seen[topics[0]], outcomes=Nothing.seen[topics[1]])

    app.run()
