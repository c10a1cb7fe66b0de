"""Records under another key, and how far the task is."""

from collections.abc import Sequence

import msgspec

from anchorwatch.events import Record, Row, headed
from anchorwatch.stages.rekey import ORIGIN, Progress, Rekey, RekeySettings, Way

T0 = 1_800_000_000_000


class Names:
    """The value is the key; `!` leads nowhere, `beat` is a heartbeat."""

    def ways(self, rows: Sequence[Row]) -> list[Way]:
        return [self.way(row) for row in rows]

    def way(self, row: Row) -> Way:
        if row[1] == b"beat":
            return Way(None, row[3] + 500, passes=False)
        return Way(None, -1) if row[1] in (b"!", None) else Way(row[1], row[3])


def stage(*, wall: bool = True) -> Rekey:
    return Rekey(1, 3, Names, RekeySettings("source", "rekeyed", 2, wall=wall))


def told(records: list[Record]) -> list[tuple[int, int]]:
    """(partition, how far)."""
    return [(r.partition, msgspec.json.decode(r.value or b"", type=Progress).rekeyed_to_ms) for r in records if r.key == b""]


def test_a_record_leaves_as_it_came_but_for_its_key_and_a_header_that_says_from_where() -> None:
    made = stage()
    made.take("source", [headed((b"old", b"new", 7, T0), {"ce_id": b"a", "gone": None, ORIGIN: b"a lie"})], T0 + 5, None)

    [record] = made.freeze({}).records[:1]

    assert record == Record("rekeyed", -1, b"new", b"new", (("ce_id", b"a"), (ORIGIN, b"source-1@7@%d" % T0)))


def test_what_leads_nowhere_goes_on_under_its_own_key_for_ingest_to_refuse() -> None:
    made = stage()
    made.take("source", [(b"a", b"!", 0, T0), (None, b"!", 1, T0), (b"gone", None, 2, T0)], T0, None)

    assert [(r.key, r.value) for r in made.freeze({}).records] == [(b"a", b"!"), (None, b"!"), (b"gone", None)]


def test_every_partition_is_told_how_far_the_task_is_and_only_when_that_is_new() -> None:
    made = stage()
    made.take("source", [(None, b"a", 0, T0), (None, b"b", 1, T0 - 50)], T0 + 10, None)

    assert told(made.freeze({}).records) == [(0, T0), (1, T0)]
    assert made.freeze({}).records == []


def test_a_topic_read_to_its_end_goes_on_with_the_wall_and_asks_for_a_cut_once_a_second() -> None:
    made = stage()
    made.tick(T0, frozenset({"source"}))
    first = made.due(), told(made.freeze({}).records)
    made.tick(T0 + 999, frozenset({"source"}))
    early = made.due()
    made.tick(T0 + 1_000, frozenset({"source"}))

    assert (first, early, made.due()) == ((True, [(0, T0), (1, T0)]), False, True)


def test_a_topic_that_is_not_read_to_its_end_stands_where_its_events_are() -> None:
    made = stage()
    made.take("source", [(None, b"a", 0, T0)], T0 + 60_000, None)
    made.tick(T0 + 60_000, frozenset())

    assert told(made.freeze({}).records) == [(0, T0), (1, T0)]


def test_a_clock_far_ahead_moves_nothing() -> None:
    made = stage()
    made.take("source", [(None, b"a", 0, T0 + 10**9), (None, b"b", 1, T0)], T0, None)

    assert told(made.freeze({}).records) == [(0, T0), (1, T0)]


def test_under_the_clock_of_events_heartbeats_alone_end_a_topic() -> None:
    made = stage(wall=False)
    made.take("source", [(None, b"a", 0, T0), (None, b"beat", 1, T0)], 0, None)
    made.tick(T0 + 10**6, frozenset({"source"}))
    records = made.freeze({}).records

    assert [record.value for record in records if record.key != b""] == [b"a"]
    assert told(records) == [(0, T0 + 500), (1, T0 + 500)]
