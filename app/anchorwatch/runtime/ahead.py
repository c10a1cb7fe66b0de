"""A file without a reference: what will the model learn from its first events, and from when on? Found before it is judged.

Both stages are driven to the moment at which the live ones would publish. So a backtest and a replay know from the start what comes into force
when, and how the events are cut into batches cannot matter.
"""

from collections.abc import Sequence

from anchorwatch.contract import Contract
from anchorwatch.events import Applied
from anchorwatch.runtime.drive import Clockwork, Drive, Event, applied_of
from anchorwatch.runtime.learner import learnt
from anchorwatch.stages.learning import LEAD_WINDOWS
from anchorwatch.stages.ready import Ready

UNSEEN_MS = 10**15  # summaries are not for a file
STEP = 2_000  # events


def ahead(contract: Contract, events: Sequence[Event], window_ms: int, end_ms: int) -> list[Applied]:
    """What will be published, in the order of its time; nothing when the events end before. Raises ContractError: too few of use."""
    first = applied_of(contract, None)
    ready = _ready(first, contract.key, events, window_ms, end_ms)
    if ready is None or ready.effective_ms >= end_ms:
        return []
    found = [learnt(first, contract, events, ready, 0)]
    reference, due = found[0].reference or {}, ready.labels_due_ms
    if 0 < due < end_ms:
        again = Ready(reference["from_ms"], reference["to_ms"], due, due + LEAD_WINDOWS * window_ms, 0, ready.left_out)
        found.append(learnt(found[0], contract, events, again, 0))
    return found


def _ready(first: Applied, key: str, events: Sequence[Event], window_ms: int, end_ms: int) -> Ready | None:
    drive = Drive([first], Clockwork(window_ms=window_ms, summary_ms=UNSEEN_MS), come={event.role for event in events})
    for at in range(0, len(events), STEP):
        drive.feed(events[at : at + STEP])
        if (ready := drive.judge.ready().get(key)) is not None:
            return ready
    drive.end(end_ms)
    return drive.judge.ready().get(key)
