"""Messages as librdkafka hands them over, turned into columns."""

from collections.abc import Sequence

import confluent_kafka as ck

from anchorwatch.engine.polled import by_partition, parted, run_of
from anchorwatch.events import Headed


def message(
    offset: int = 0, *, topic: str = "p", partition: int = 0, value: bytes | None = b"v", headers: Sequence[tuple[str, bytes]] = ()
) -> ck.Message:
    return ck.Message(
        topic=topic,
        partition=partition,
        key=b"k%d" % offset,
        value=value,
        offset=offset,
        timestamp=(1, 1_000 + offset),
        headers=list[tuple[str, str | bytes | None]](headers),
    )


def test_rows_keep_key_value_offset_and_record_timestamp() -> None:
    run = run_of([message(7), message(8, value=None)], polled_ms=5)

    assert list(run.rows) == [(b"k7", b"v", 7, 1_007), (b"k8", None, 8, 1_008)]
    assert (run.traceparents, run.polled_ms, run.size) == (None, 5, 5)


def test_offsets_without_gaps_take_no_list_and_those_with_gaps_are_kept_one_by_one() -> None:
    """Transaction markers and compaction leave gaps."""
    whole, gaps = run_of([message(n) for n in (3, 4, 5)], 0), run_of([message(n) for n in (3, 5, 9)], 0)

    assert (whole.rows.offsets, gaps.rows.offsets) == (range(3, 6), [3, 5, 9])
    assert [row[2] for row in gaps.rows[1:]] == [5, 9]


def test_what_stands_together_of_a_partition_stays_together() -> None:
    messages = [message(0), message(1), message(0, partition=1), message(0, topic="o"), message(2)]

    found = [(topic, partition, [m.offset() for m in some]) for topic, partition, some in by_partition(messages)]

    assert found == [("p", 0, [0, 1]), ("p", 1, [0]), ("o", 0, [0]), ("p", 0, [2])]
    assert list(by_partition([])) == []


def test_what_is_told_in_the_form_of_messages_is_no_record() -> None:
    record, end = message(1), ck.Message(topic="p", partition=0, offset=2, error=ck.KafkaError(ck.KafkaError._PARTITION_EOF))

    assert parted([record, end]) == ([record], [end])
    assert parted([record]) == ([record], [])


def test_headers_are_read_where_the_first_message_has_a_traceparent_and_of_two_the_last_counts() -> None:
    one, two, none = [("traceparent", b"1")], [("traceparent", b"1"), ("x", b""), ("traceparent", b"2")], message(2)

    assert run_of([message(0, headers=one), message(1, headers=two), none], 0).traceparents == [b"1", b"2", None]
    assert run_of([none, message(3, headers=one)], 0).traceparents is None


def test_a_format_that_speaks_in_headers_gets_them_with_each_row() -> None:
    rows = run_of([message(0, headers=[("ce_id", b"7")]), message(1)], 0, with_headers=True).rows

    assert [row.headers for row in rows if isinstance(row, Headed)] == [{"ce_id": b"7"}, {}]
