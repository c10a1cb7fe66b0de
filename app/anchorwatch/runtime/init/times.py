"""What the sampled events say once they are read by the proposal: are they readable, how late are labels, how right, how quick?"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from anchorwatch.contract import Contract
from anchorwatch.events import canonical
from anchorwatch.runtime import formats
from anchorwatch.runtime.doctor.told import span
from anchorwatch.runtime.init.opened import JSON, Side
from anchorwatch.sources import foreign
from anchorwatch.sources.base import Decoded

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
LAST, LAG = 28 * DAY, 7 * DAY  # the contract's own defaults
JOINED_MIN = 20


class Times(NamedTuple):
    """ms; 0 and None: not seen."""

    readable: str = ""
    typical: int = 0
    late: int = 0
    final: int = 0
    delays: str = "no sampled outcome belongs to a sampled prediction"
    last: int = 0  # of a reference that fits what the topic holds; 0: the default fits
    lag: int = 0
    held: str = ""
    p99_ms: float | None = None
    accuracy: float | None = None
    joined: int = 0
    gap_ms: float | None = None


def measure(contract: Contract, predictions: Side, outcomes: Side | None, now_ms: int) -> Times:
    mine = _decoded(contract, predictions)
    theirs = _decoded(contract, outcomes) if outcomes else None
    oldest = min([predictions.oldest_ms, *mine.at_ms.tolist()])  # written later than they were made: a backlog
    last, lag, held = reference(now_ms - oldest if oldest else 0)
    given = predictions.opened
    n = len(predictions.rows) if given.format == JSON else len(given.events) + given.unread
    found = Times(_readable(contract, mine, n, theirs), last=last, lag=lag, held=held)
    latencies = mine.latency_ms[~np.isnan(mine.latency_ms)]
    at = np.sort(mine.at_ms)
    if len(at) > 1:
        found = found._replace(gap_ms=float(np.diff(at).max()))
    if len(latencies):
        found = found._replace(p99_ms=float(np.quantile(latencies, 0.99)))
    return found if theirs is None else _labels(contract, found, mine, theirs)


def _decoded(contract: Contract, side: Side) -> Decoded:
    role, rows = side.role, side.rows
    translator = foreign.of_contracts(role, [contract], side.schemas)
    opened = None if translator is None else translator.open(rows)
    shapes = [(contract.model, {name: feature.type for name, feature in contract.features.items()})]
    decoded: Decoded = formats.make(role, shapes, contract.model).decode(list(rows) if opened is None else opened.rows)
    if opened is not None:
        decoded = decoded._replace(refused=opened.refusals(decoded.refused))
    return decoded


def _readable(contract: Contract, mine: Decoded, n: int, theirs: Decoded | None) -> str:
    """Read as `run` would read them."""
    own = sum(record.model == contract.model for record in mine.records)
    words = f"Read by this contract: {own:,} of {n:,} predictions"
    refused = [*mine.refused, *(theirs.refused if theirs else ())]
    if theirs is not None:
        words += f", {sum(record.model == contract.model for record in theirs.records):,} outcomes"
    if not refused:
        return f"{words}; none is refused."
    (path, reason), worst = Counter((each.path, each.reason) for each in refused).most_common(1)[0]
    return f"{words}; refused: {len(refused):,}, mostly {path} {reason} ({worst:,})."


def _labels(contract: Contract, found: Times, mine: Decoded, theirs: Decoded) -> Times:
    at = {record.prediction_id: (when, record.prediction) for record, when in zip(mine.records, mine.at_ms.tolist(), strict=True)}
    pairs = [
        (known - at[r.prediction_id][0], at[r.prediction_id][1], r.label)
        for r, known in zip(theirs.records, theirs.at_ms.tolist(), strict=True)
        if r.prediction_id in at
    ]
    if len(pairs) < JOINED_MIN:
        return found._replace(delays=f"only {len(pairs)} sampled outcomes belong to a sampled prediction")
    delays = np.maximum(np.array([delay for delay, _, _ in pairs], np.float64), 0)
    typical, late = (rounded(float(np.quantile(delays, q))) for q in (0.5, 0.95))
    final = rounded(max(float(delays.max()) * 1.5, 2.0 * late, 60_000))
    told = f"of {len(pairs):,} labels whose prediction is in the sample too"
    right = None
    if contract.task != "regression":
        answered = [(answer, label) for _, answer, label in pairs if answer is not None]
        right = sum(canonical(answer) == canonical(label) for answer, label in answered) / len(answered) if answered else None
    return found._replace(
        typical=typical, late=max(late, typical), final=max(final, late, typical), delays=told, accuracy=right, joined=len(pairs)
    )


def rounded(ms: float) -> int:
    """Up, to what a person would write.

    >>> [rounded(ms) for ms in (0, 730, 61_000, 5_000_000, 200_000_000)]
    [1000, 1000, 120000, 7200000, 259200000]
    """
    unit = 1_000 if ms <= MINUTE else MINUTE if ms <= HOUR else HOUR if ms <= 2 * DAY else DAY
    return max(int(-(-ms // unit)) * unit, 1_000)


def reference(age_ms: int) -> tuple[int, int, str]:
    """(last, lag, what there is) of a reference within what a topic of that age holds; (0, 0, ...): the default fits.

    >>> reference(40 * DAY)[:2], reference(10 * DAY)[:2], reference(3 * HOUR)[:2]
    ((0, 0), (777600000, 86400000), (10800000, 0))
    """
    if age_ms >= LAST + LAG or not age_ms:
        return 0, 0, span(age_ms) if age_ms else "nothing yet"
    lag = DAY if age_ms > 3 * DAY else 0
    unit = DAY if age_ms - lag >= 2 * DAY else HOUR if age_ms - lag >= 2 * HOUR else MINUTE
    return -(-(age_ms - lag) // unit) * unit, lag, span(age_ms)
