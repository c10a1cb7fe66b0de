"""What a segment shares with the page on its whole wakes nobody; what is worse does, at once or once it proves so."""

import msgspec
import numpy as np
from tests.traffic import LOAN, T0, Fault, contract_of, learnt, loan_reference, traffic

from anchorwatch.stages.monitors import Monitors
from anchorwatch.stages.standing import Standing
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout

HOUR = 3_600_000
WHOLE, EU, US = ("quality:error@late/whole", "quality:error@late/region=eu", "quality:error@late/region=us")
Counts = dict[str, tuple[int, int]]  # segment -> predictions of an hour, wrong ones


class Watched:
    """A model whose error was about .08, hour by hour."""

    def __init__(self, layout: Layout | None = None) -> None:
        self.monitors = Monitors(layout or Layout(contract_of(), loan_reference(), catalogue()), 30.0)
        self.standing, self.hours = Standing(), 0

    def see(self, counts: Counts, hours: int = 1) -> list[str]:
        """Keys of what is told after all."""
        told = []
        for _ in range(hours):
            layout = self.monitors.layout
            flat = np.zeros(layout.size, np.int64)
            for segment, (n, wrong) in counts.items():
                layout.view(flat, next(k for k, c in layout.counts.items() if c.name == "confusion@late"))[layout.rows[segment], :2] = (
                    n - wrong,
                    wrong,
                )
            heard = self.monitors.window(flat, 1 / 24, self.hours * HOUR, (self.hours + 1) * HOUR)
            told += self.standing.window(self.monitors, flat, heard)
            self.hours += 1
        return told

    def open(self, key: str) -> bool:
        return key in self.monitors.standing()


def test_a_segment_that_shares_the_fault_of_the_whole_is_held_whenever_it_is_heard() -> None:
    model = Watched()
    model.see({"whole": (100, 30)}, 24)
    assert model.open(WHOLE)

    model.see({"whole": (100, 30), "region=eu": (4, 1)}, 150)

    assert model.open(EU), "its evidence is its own"
    assert model.standing.held == {EU: "whole"}


def test_a_segment_that_is_far_worse_is_not_held() -> None:
    """The few per cent that an aggregate hides."""
    model = Watched()
    model.see({"whole": (100, 20)}, 24)
    assert model.open(WHOLE)

    model.see({"whole": (100, 20), "region=eu": (5, 4)}, 10)

    assert model.open(EU)
    assert EU not in model.standing.held


def test_where_the_whole_is_fine_nothing_is_held() -> None:
    model = Watched()

    model.see({"whole": (1_000, 60), "region=eu": (20, 14)}, 24)

    assert model.open(EU)
    assert not model.open(WHOLE)
    assert model.standing.held == {}


def test_what_was_held_is_told_once_it_proves_worse() -> None:
    model = Watched()
    model.see({"whole": (100, 30)}, 24)
    model.see({"whole": (100, 30), "region=eu": (4, 1)}, 150)
    assert EU in model.standing.held

    told = model.see({"whole": (100, 30), "region=eu": (10, 8)}, 48)

    assert told == [EU]
    assert EU not in model.standing.held


def test_what_is_as_bad_as_the_whole_stays_held_for_ever() -> None:
    model = Watched()
    model.see({"whole": (100, 30)}, 24)

    assert model.see({"whole": (100, 30), "region=eu": (10, 3)}, 24 * 60) == []
    assert EU in model.standing.held


def test_what_goes_on_after_the_whole_is_well_is_told_by_what_comes_then() -> None:
    model = Watched()
    model.see({"whole": (100, 40), "region=eu": (10, 4), "region=us": (10, 4)}, 48)
    assert set(model.standing.held) == {EU, US}
    assert all(model.open(key) for key in (WHOLE, EU, US))

    told = model.see({"whole": (300, 15), "region=eu": (10, 4), "region=us": (10, 1)}, 24 * 10)

    assert not model.open(WHOLE)
    assert told == [EU]


def test_counts_of_another_kind_of_monitor_are_not_compared() -> None:
    """Latency over a promised bound is one stream, as errors are; an answer's mix has a stream each way and pages never."""
    model = Watched()
    model.see({"whole": (100, 40)}, 24)

    assert set(model.standing.present) == {WHOLE}


def test_a_class_whose_name_holds_a_slash_is_held_like_any_other() -> None:
    """Its name stands in the subject of its recall, before the slash of the segment."""
    events = traffic(8_000, start_ms=T0 - 3_600_000, seed=7, fault=Fault(positive=0.15))
    contract = contract_of(LOAN.replace('["no", "yes"], positive: "yes"', '["a/b", "no"], positive: "a/b"'))
    known = learnt(contract, [event._replace(value=event.value.replace(b'"yes"', b'"a/b"')) for event in events])
    model = Watched(Layout(contract, known, catalogue()))
    model.see({"whole": (100, 40)}, 48)
    model.see({"whole": (100, 40), "region=eu": (10, 4)}, 150)

    assert model.standing.held == {f"quality:{name}@late/region=eu": "whole" for name in ("error", "recall.a/b")}


def test_whoever_restores_a_snapshot_goes_on_alike() -> None:
    one, twin = Watched(), Watched()
    for model in (one, twin):
        model.see({"whole": (100, 30)}, 24)
        model.see({"whole": (100, 30), "region=eu": (4, 1)}, 150)
    twin.standing = Standing()
    twin.standing.restore(msgspec.json.decode(msgspec.json.encode(one.standing.snapshot())))

    assert twin.see({"region=eu": (10, 9), "whole": (100, 30)}, 48) == one.see({"region=eu": (10, 9), "whole": (100, 30)}, 48) == [EU]


def test_a_state_without_it_holds_nothing() -> None:
    standing = Standing()

    standing.restore({})

    assert (standing.present, standing.held) == ({}, {})
