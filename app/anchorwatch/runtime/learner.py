"""Models without a history learn from their first events: judge says which (stages/learning.py), here they are read, learnt and published.

Part of the supervisor, beside the sinks. What is learnt is a function of what judge said and of what the topics hold, so that a second try
gives the same; it is written only while what it was made for is still in force, so once.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from anchorwatch import contract as contracts
from anchorwatch.config import Settings
from anchorwatch.contract import Contract
from anchorwatch.errors import AnchorwatchError
from anchorwatch.events import Applied
from anchorwatch.stages.ready import Ready
from anchorwatch.watches.spans import merged

if TYPE_CHECKING:
    from anchorwatch.runtime.drive import Event

log = logging.getLogger(__name__)
ACTOR = "anchorwatch"
AGAIN_S = 600.0  # after a failure
SOON_WINDOWS = 3  # where reading took longer than the time that was left for it: from the next windows on


class Learner:
    """Of one supervisor; `look` is called once a second in its event loop. One model after the other."""

    def __init__(self, settings: Settings, files: Sequence[Applied]) -> None:
        self.settings = settings
        self.files = {contracts.from_json(each.contract, "file", owned=False).key: each for each in files}
        self.failed: dict[str, str] = {}  # `<environment>/<model>` -> why the last try came to nothing
        self._not_before: dict[str, float] = {}
        self._done: dict[str, Ready] = {}  # published, the judge will hear of it
        self._under_way: asyncio.Task[None] | None = None

    def look(self, told: Mapping[str, Sequence[Any]]) -> None:
        """told: `<environment>/<model>` -> what judge says is ready."""
        if self._under_way is not None and not self._under_way.done():
            return
        now = time.monotonic()
        for key, fields in sorted(told.items()):
            ready = Ready(*fields)
            if self._done.get(key) != ready and now >= self._not_before.get(key, 0.0):
                self._under_way = asyncio.create_task(self._learn(key, ready), name="learner")
                return

    async def _learn(self, key: str, ready: Ready) -> None:
        try:
            applied = await asyncio.to_thread(publish, self.settings, key, ready, self.files.get(key))
        except Exception as error:  # the edge: one model that cannot be learnt must not end what watches the others
            self.failed[key] = str(error) if isinstance(error, AnchorwatchError) else repr(error)
            self._not_before[key] = time.monotonic() + AGAIN_S
            log.warning("learning.failed model=%s again_in_s=%g reason=%s; or `anchorwatch apply` it", key, AGAIN_S, self.failed[key])
            return
        self._done[key] = ready
        self.failed.pop(key, None)
        if applied is not None:
            log.info("learning.done model=%s effective_from_ms=%d reason=%s", key, applied.effective_from_ms, applied.reason)


def publish(settings: Settings, key: str, ready: Ready, file: Applied | None) -> Applied | None:
    """None: something else was applied meanwhile, or it was published before. Raises AnchorwatchError."""
    from anchorwatch.runtime import apply
    from anchorwatch.runtime.contracts import in_force
    from anchorwatch.runtime.normal import stood

    def now() -> Applied | None:
        return current(in_force(settings).get(key), file)

    before = now()
    if before is None or not wanted(before, ready):
        return None
    contract = contracts.from_json(before.contract, "contracts", owned=False)
    events, trouble = stood(settings, contract, (ready.from_ms, ready.to_ms))
    now_ms = time.time_ns() // 1_000_000
    applied = learnt(before, contract, events, ready, now_ms)
    if settings.clock == "wall" and now_ms > applied.effective_from_ms:
        applied.effective_from_ms = now_ms + SOON_WINDOWS * settings.window
    applied.reason += trouble
    taken = apply.write(settings, [apply.record(settings, applied)], lambda: _same(now(), before))
    return applied if taken else None


def current(applied: Applied | None, file: Applied | None) -> Applied | None:
    """What is in force: what was applied, else the file; the file too where it was changed since it learnt by itself."""
    if applied is None or file is None or not applied.learnt:
        return applied or file
    ids = {contracts.from_json(each.contract, "contracts", owned=False).id for each in (applied, file)}
    return applied if len(ids) == 1 else file


def wanted(before: Applied, ready: Ready) -> bool:
    """Is what is in force a model without a reference, or one whose labels are to be learnt?"""
    if before.reference is None:
        return True
    return ready.known_ms >= 0 and before.reference.get("labels_due_ms", 0) == ready.known_ms


def learnt(before: Applied, contract: Contract, events: "Sequence[Event]", ready: Ready, now_ms: int) -> Applied:
    """The contract with what is normal by these events: the same for the same events. Raises ContractError: too few."""
    from anchorwatch.runtime.backtest import learned, of_time

    of_then = of_time(events, ready.from_ms, ready.to_ms)
    chosen = [e for e in of_then if e.role in ("predictions", "siblings") or e.at_ms < ready.known_ms]
    reference: dict[str, Any] = learned(contract, chosen, strict=False, left_out=merged(ready.left_out))
    if ready.labels_due_ms:
        reference["labels_due_ms"] = ready.labels_due_ms
    n = f"{reference['rows']:,} predictions, {reference['labelled']:,} with a label"
    return Applied(
        contract=before.contract, actor=ACTOR, at_ms=now_ms, effective_from_ms=ready.effective_ms, reference=reference, learnt=True,
        reason=f"learnt from the stream: {n}",
    )  # fmt: skip


def _same(one: Applied | None, other: Applied) -> bool:
    return one is not None and msgspec.json.encode(one) == msgspec.json.encode(other)
