"""What stood in a model's topics lately, as a course for `backtest`: read without a group, nothing is applied."""

from collections.abc import Sequence

from anchorwatch.config import Settings
from anchorwatch.contract import Contract
from anchorwatch.errors import ConfigError
from anchorwatch.runtime import normal
from anchorwatch.runtime.backtest import Course, plan
from anchorwatch.runtime.drive import Event
from anchorwatch.stages.reference import ROWS_MIN

QUIET_SHARE = 3  # where nothing older is there, the first third of the time is called normal


def course(
    settings: Settings, contract: Contract, since_ms: int, now_ms: int, window_ms: int, *, reference: Sequence[Event] | None = None,
    until_ms: int | None = None, say: normal.Say = lambda _: None,
) -> tuple[Course, str]:  # fmt: skip
    """And in words where what is normal was taken from. `reference`, `until_ms` as of `plan`.

    Without them: the contract's `reference.window`, else its `reference.last` before `since_ms`, else the first third of what is there.
    Raises ConfigError, ContractError, TopicsMismatch, Unreachable.
    """
    wish = contract.reference
    given = reference is not None or until_ms is not None
    begin = since_ms if given else min(wish.window[0], since_ms) if wish.window else since_ms - wish.last
    begin = max(begin, 0)  # Kafka knows no time before 1970
    events, trouble = normal.stood(settings, contract, (begin, now_ms), say, step_ms=window_ms)
    predicted = [event.at_ms for event in events if event.role == "predictions"]
    if not predicted:
        raise ConfigError(f"{contract.key}: no prediction of this model stands in its topic since {normal.day(begin)}{trouble}")
    if given or wish.window:
        told = ("as named" if given else "the contract's reference.window") + trouble
        return plan(contract, events, window_ms=window_ms, reference=reference, until_ms=until_ms), told
    before = sum(at < since_ms for at in predicted)
    if before >= ROWS_MIN:
        told = f"{before:,} predictions before {normal.day(since_ms)}{trouble}"
        return plan(contract, events, window_ms=window_ms, until_ms=since_ms), told
    first, last = min(predicted), max(predicted)
    split = first + (last - first) // QUIET_SHARE
    told = f"the first third, to {normal.day(split)}: only {before:,} predictions are older than --since, {ROWS_MIN} are needed{trouble}"
    return plan(contract, events, window_ms=window_ms, until_ms=split), told
