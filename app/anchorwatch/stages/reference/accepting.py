"""The present becomes normal for one monitor: what it counts of the rows since its change stands in place of the reference there (detection.md 2.7).

Bins, lists and segments stay those of the reference, so that every other monitor goes on as it was.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from anchorwatch.contract import Contract
from anchorwatch.errors import ContractError
from anchorwatch.stages.reference.counting import Rows, counted
from anchorwatch.stages.reference.written import reference_to_json
from anchorwatch.watches.base import WHOLE, Accepted, Ints, Monitor, Reference, short_hash
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.lines import EVENTS_MIN, RANKS_MIN
from anchorwatch.watches.ordering import DRAWS_MIN, METRIC
from anchorwatch.watches.volume import AMOUNT

ACCEPTED_MAX = 32  # monitors of one model with a normal of their own; each costs judge a layout. Above: learn the whole anew
PACE = frozenset((AMOUNT, f"alive:traffic/{WHOLE}"))  # their line is the pace of traffic, by which spells are cut for all


def acceptable(layout: Layout, key: str, *, statistical: bool = True) -> Monitor:
    """The monitor whose line could be moved. Raises ContractError: no such one, or its line is a promise.

    statistical: False of what was found by an exact rule or by advice, which may bear the name of a monitor.
    """
    monitor = next((each for each in layout.monitors if statistical and each.key == key), None)
    if layout.reference is None:
        raise ContractError(f"{key}: the model is learning, it has no reference that could be moved")
    if monitor is None:
        raise ContractError(f"{key}: an exact rule, or advice: it has no line that could be moved; change the contract, or resolve it")
    if key in PACE:
        raise ContractError(
            f"{key}: the pace of traffic is the clock of other monitors too; learn all anew with `anchorwatch apply --relearn`"
        )
    if _is_promised(layout, monitor):
        raise ContractError(f"{key}: its line is a promise of the contract, which accept never moves; change the promise, then apply")
    if place_of(layout, monitor) not in layout.reference.accepted and len(layout.reference.accepted) >= ACCEPTED_MAX:
        raise ContractError(f"{key}: {ACCEPTED_MAX} monitors have a normal of their own; learn all anew with `anchorwatch apply --relearn`")
    return monitor


def _is_promised(layout: Layout, monitor: Monitor) -> bool:
    """Would its line lie where it does without anything that the reference counted?"""
    assert layout.reference is not None, "asked of models with a reference"
    bare = Layout(layout.contract, replace(layout.reference, counts={}, phi={}, accepted={}), layout.watches)
    watch = next(each for each in layout.watches if each.name == monitor.watch)
    found = bare.find(watch, monitor.key)
    if found is None:
        return False
    lines = [[stream.line for stream in each.streams] for each in (found, monitor)]
    tables = [None if each.tilt is None else each.tilt.table.tolist() for each in (found, monitor)]
    return lines[0] == lines[1] and tables[0] == tables[1]


def place_of(layout: Layout, monitor: Monitor) -> str:
    """Key under which its normal is kept: of news that of the monitor that hears a return, unless a promise draws the line there."""
    like = next((each for each in layout.monitors if each.key == monitor.like), None)
    return monitor.key if like is None or _is_promised(layout, like) else like.key


def age_ms(layout: Layout, monitor: Monitor) -> int:
    """How old predictions are when this monitor counts them: 0, or the age of its horizon."""
    keys = [stream.key for stream in monitor.streams] + ([monitor.tilt.key] if monitor.tilt else [])
    horizon = keys[0].partition("~")[0].partition("@")[2]
    return layout.horizons.get(horizon, 0)


def accepted(layout: Layout, monitor: Monitor, rows: Rows, places: Mapping[str, int]) -> tuple[Accepted, Monitor]:
    """What is normal for it by these rows, and the monitor as it will be. Raises ContractError: too few events.

    Where nothing is left that could get better still, it is the monitor that hears a return.
    """
    assert layout.reference is not None, "asked of models with a reference"
    n = len(rows.predictions)
    if not n:
        raise ContractError(f"{monitor.key}: no prediction since its change stands in the topics; {EVENTS_MIN} are needed")
    begin, end = int(rows.at.min()), int(rows.at.max()) + 1
    first = replace(layout.reference, from_ms=begin, to_ms=end, rows=n, counts={}, phi={}, growth={}, accepted={})
    found = counted(layout.contract, first, rows, places, layout.watches)
    counts = {key: _rows_of(found.counts[key], monitor.row) for key in _read_by(layout, monitor) if key in found.counts}
    made = Accepted(begin, end, n, counts, found.phi.get(monitor.like or monitor.key, ()))
    watch = next(each for each in layout.watches if each.name == monitor.watch)
    seen, needed = events_of(counts, monitor), _needed(monitor)
    own = layout.under(place_of(layout, monitor), made)
    after = own.find(watch, monitor.key) or own.find(watch, monitor.like) if seen >= needed else None
    if after is None:
        more = f"{RANKS_MIN if seen >= needed else needed} are needed; wait for more and accept again"
        raise ContractError(f"{monitor.key}: only {seen:,} events since its change stand in the topics, {more}")
    return made, after


def events_of(counts: Mapping[str, Ints], monitor: Monitor) -> int:
    """How many events that it counts lie behind these counts."""
    if monitor.tilt is not None:
        dense, symbols, row = counts.get(monitor.tilt.key), monitor.tilt.symbols, monitor.row
    else:
        stream = monitor.streams[0]
        dense, symbols, row = counts.get(stream.key), stream.n, monitor.row if stream.n_row is None else stream.n_row
    return 0 if dense is None else int(dense[row, symbols].sum())


def _needed(monitor: Monitor) -> int:
    return RANKS_MIN if monitor.unit == "rank" else DRAWS_MIN if monitor.metric == METRIC else EVENTS_MIN


def with_accepted(contract: Contract, reference: Reference, made: Mapping[str, Accepted]) -> Reference:
    """The reference with what is normal for these monitors besides; another id, since it is another one."""
    found = replace(reference, accepted={**reference.accepted, **made}, id="")
    return replace(found, id=short_hash(reference_to_json(found)) + short_hash(contract.key, found.from_ms))


def _read_by(layout: Layout, monitor: Monitor) -> set[str]:
    found = {stream.key for stream in monitor.streams} | ({monitor.tilt.key} if monitor.tilt else set())
    if monitor.watch == "quality":  # the mean error of numbers is told by a count of its own
        found |= {count.key for watch in layout.watches if watch.name == "quality" for count in watch.counts(layout)}
    return found


def _rows_of(dense: Ints, row: int) -> Ints:
    """Only the monitor's own segment and the whole, of which it may be a share."""
    kept = np.zeros_like(dense)
    kept[[0, row]] = dense[[0, row]]
    return kept
