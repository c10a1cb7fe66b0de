"""Events counted by window and combination: against a count by hand, whatever is left out."""

import numpy as np
import pytest
from tests.traffic import contract_of

from anchorwatch.stages.groups import Groups
from anchorwatch.stages.model_ingest import ModelIngest
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

LAYOUT = Layout(contract_of(), None, catalogue())


@pytest.mark.parametrize("apart", [1, 10**9])
def test_groups_count_like_a_loop(apart: int) -> None:
    """Windows and combinations that lie close are numbered by counting, others by sorting."""
    rng = np.random.default_rng(1)
    model = ModelIngest("prod/loan", 1_000)
    model.layouts = [LAYOUT]
    n, key = 500, "inference.seconds"
    windows, combos, cells, keep = rng.integers(0, 3, n) * apart, rng.integers(0, 4, n) * apart, rng.integers(0, 9, n), rng.random(n) < 0.7
    where = rng.random(n) < 0.5

    Groups(windows, combos, keep, model.into(0))(key, cells, where)

    for (number, _), window in model.windows.items():
        found_combos, counts = window.tallies[key].merge()
        for combo, row in zip(found_combos.tolist(), counts, strict=True):
            mine = keep & where & (windows == number) & (combos == combo)
            assert row.tolist() == np.bincount(cells[mine], minlength=len(row)).tolist()


def test_weights_add_as_whole_numbers() -> None:
    model = ModelIngest("prod/loan", 1_000)
    model.layouts = [LAYOUT]
    groups = Groups(np.zeros(2, np.int64), np.zeros(2, np.int64), np.ones(2, np.bool_), model.into(0))

    groups.weighted("inference.seconds", np.array([5, 5]), np.array([2**53, 1]))

    assert model.windows[0, 0].tallies["inference.seconds"].merge()[1][0, 5] == 2**53 + 1
