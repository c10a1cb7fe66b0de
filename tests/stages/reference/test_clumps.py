"""Errors that come in clumps make a slice hard of hearing, as any other monitor."""

import numpy as np
from tests.stages.wide import wide_applied

from anchorwatch.stages.reference.clumps import phi_of_cells
from anchorwatch.stages.registry import Registry


def test_a_cell_whose_errors_come_in_clumps_is_told_from_one_of_coin_tosses() -> None:
    layout = Registry(1_000).apply(wide_applied()).layout
    cells, rng = layout.cells, np.random.default_rng(3)
    assert cells is not None
    found = {}
    for stretch in range(240):
        counts = np.full((cells.rows, 2), 100)
        counts[:, 1] = rng.binomial(100, 0.1, cells.rows)
        counts[5, 1] = rng.binomial(100, 0.3 if stretch // 4 % 2 else 0.02)
        found[stretch] = counts
    phi = phi_of_cells(layout, found)

    assert phi[f"slices:error@late/{cells.names[5]}"][0] > 5
    assert np.median([phi.get(f"slices:error@late/{name}", (1.0,))[0] for name in cells.names]) < 1.5


def test_few_stretches_tell_nothing() -> None:
    layout = Registry(1_000).apply(wide_applied()).layout
    assert layout.cells is not None

    assert phi_of_cells(layout, {i: np.ones((layout.cells.rows, 2), np.int64) for i in range(20)}) == {}
