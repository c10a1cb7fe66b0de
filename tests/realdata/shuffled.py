"""Nothing happens: the rows of a stream in another order, at the times that were there. Traffic stays as it was; all else is the same all along."""

from collections.abc import Mapping

import msgspec
import numpy as np
from tests.realdata.reading import Stream, in_time
from tests.realdata.shown import Claim, Shown, heard, told_of

from anchorwatch.runtime.backtest import Told
from anchorwatch.runtime.drive import Event

SEED = 50
TRAFFIC = ("ModelDark", "VolumeShifted")  # about the times, which are not shuffled


def shuffled(stream: Stream, seed: int = SEED) -> Stream:
    """A prediction moves to another's time, its outcome comes as long after it as before."""
    predictions = [e for e in stream.events if e.role == "predictions"]
    order = np.random.default_rng(seed).permutation(len(predictions)).tolist()
    moved = {each.key: predictions[place].at_ms for each, place in zip(predictions, order, strict=True)}
    made = {each.key: each.at_ms for each in predictions}
    events = [_at(e, e.at_ms + moved[e.key] - made[e.key]) for e in stream.events if e.key in moved]
    return Stream(stream.name, stream.contract, in_time(events), stream.until_ms, stream.since_ms, stream.window_ms)


def _at(event: Event, at_ms: int) -> Event:
    row = msgspec.json.decode(event.value)
    row["predicted_at_ms" if event.role == "predictions" else "known_at_ms"] = at_ms
    return event._replace(at_ms=at_ms, value=msgspec.json.encode(row))


def nothing(*found: Told) -> Shown:
    """found: the same rows in one order or several, of which the mean counts."""
    pages = [[r for r in heard(each, kind="page") if r.name not in TRAFFIC] for each in found]
    warnings = [r for each in found for r in heard(each, kind="warning") if r.name not in TRAFFIC]
    days = sum(each.course.end_ms - each.course.events[0].at_ms for each in found) / 86_400_000
    every = [r for rows in pages for r in rows]
    words = f"{len(every)} pages, {len(warnings)} warnings in {days:,.0f} d (promised at most {days / 30:.1f} and {20 * days / 30:.0f})"
    words += f", in {len(found)} orders {', '.join(str(len(rows)) for rows in pages)}" if len(found) > 1 else ""
    return Shown(len(every) <= len(found), words + (f": {told_of(every)}" if every else ""))


def claims(names: Mapping[str, tuple[str, ...]]) -> tuple[Claim, ...]:
    """names: of a shuffled stream -> runs of the same rows in other orders."""
    return tuple(Claim(name, "nothing happens: 0 to 1 false pages", nothing, (name, *more)) for name, more in names.items())
