import numpy as np
import pytest
from tests.watches.seeing import layout

from anchorwatch.stages.banks import Banks, shares


def test_shares_of_each_list_sum_to_at_most_one() -> None:
    of = layout()
    by_list: dict[tuple[str, bool], float] = {}
    for monitor, share in ((m, shares(of.monitors, len(of.segments) - 1)[m.key]) for m in of.monitors):
        by_list[monitor.watch, monitor.news] = by_list.get((monitor.watch, monitor.news), 0.0) + share

    assert by_list["quality", False] + by_list["latency", False] <= 1
    assert by_list["inputs", False] <= 0.5 + 1e-9
    assert by_list["predictions", False] <= 0.3 + 1e-9
    assert by_list["quality", True] <= 0.6 + 1e-9
    assert by_list["latency", True] <= 0.2 + 1e-9


def test_a_bank_reads_each_stream_where_its_counts_lie() -> None:
    """Of the errors on one region: all cells of its row that have a label, and the wrong ones among them."""
    of = layout()
    monitor = next(m for m in of.monitors if m.key == "quality:error@late/region=eu")
    stream = monitor.streams[0]
    flat = np.zeros(of.size, np.int64)
    of.view(flat, stream.key)[monitor.row] = np.arange(of.counts[stream.key].symbols)
    of.view(flat, stream.key)[monitor.row + 1] = 1_000  # somebody else's

    group = Banks(of, shares(of.monitors, 1), 30.0).zero_one([monitor])
    n, k = np.add.reduceat(np.append(flat, 0)[group.at], group.starts)

    assert (n, k) == (stream.n.sum(), stream.k.sum())
    assert group.bank.phi.tolist() == pytest.approx([of.phi_of(monitor, 1)[0]])


def test_a_bank_of_tables_is_as_wide_as_the_widest_and_the_rest_counts_nothing() -> None:
    of = layout()
    monitors = [m for m in of.monitors if m.tilt is not None and m.watch == "inputs"]

    group = Banks(of, shares(of.monitors, 1), 30.0).table(monitors)

    widths = [len(m.tilt.symbols) for m in monitors if m.tilt is not None]
    assert group.width == max(widths)
    beyond = (group.at.reshape(-1, group.width) == of.size).sum(1)
    assert beyond.tolist() == [max(widths) - width for width in widths]
