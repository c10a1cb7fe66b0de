"""Which labels are in, of the predictions of one task that wait: counted every so often, for estimates of the last days."""

from typing import TYPE_CHECKING

import numpy as np

from anchorwatch.stages.table import CELLS, width
from anchorwatch.watches.arrivals import Waiting
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.scores import EXPLORED

if TYPE_CHECKING:
    from anchorwatch.stages.model_ingest import ModelIngest

MOMENTS_MAX = 48  # counted in one go; after a long standstill the older ones are left out


def count_arrived(model: "ModelIngest", layout: Layout, until_ms: int, closed_ms: int) -> None:
    """As of each moment in (closed_ms, until_ms] at which that is counted, into the window that ends then. closed_ms -1: nothing yet."""
    arrivals, scores, column = layout.arrivals, layout.scores, model.waiting.column
    if arrivals is None or scores is None or closed_ms < 0 or not width(model.waiting.columns):
        return
    moments = arrivals.moments(model.window_ms, closed_ms, until_ms)[-MOMENTS_MAX:]
    if not moments:
        return
    number = model.layout_number(layout)
    rows = np.flatnonzero((column("layout") == number) & ~np.isnan(column("answer")) & (column(CELLS)[:, 0] % EXPLORED > 0))
    if not len(rows):
        return
    label = model.classes.read(layout.classes, column("label")[rows])
    labelled = (column("revision")[rows] >= 0) & (label >= 0) & (label < len(layout.classes))
    group = scores.of((column(CELLS)[rows, 0] % EXPLORED).astype(np.int64))
    waiting = Waiting(column("at")[rows], group, column("known")[rows], labelled, label == scores.positive)
    for moment in moments:
        found = arrivals.count(waiting, moment)
        if found.any():
            model.into(number)((moment - 1) // model.window_ms).add_apart(arrivals.key, found[:, None])
