"""Two topics of four partitions, keyed and partitioned in every way that people do it."""

import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.runtime.init.topics_of_others import T

from anchorwatch.runtime.doctor.joined import murmur2
from anchorwatch.runtime.init.keys import keyed
from anchorwatch.runtime.init.opened import Side

N = 200
Partitioner = Callable[[bytes], int]


def java(key: bytes) -> int:
    return murmur2(key) & 0x7FFFFFFF


def side(name: str, key: str | None = "o-{}", by: Partitioner = java, partitions: int = 4, first: int = 0) -> Side:
    keys = [None if key is None else key.format(i).encode() for i in range(first, first + N)]
    rows = tuple((each, b'{"id": "o-%d", "label": "a"}' % (first + i), i, T + i) for i, each in enumerate(keys))
    return Side(name, rows, 0, partitions=partitions, places={each: by(each) % partitions for each in keys if each})


def told(mine: Side, theirs: Side | None) -> tuple[bool, bool, str]:
    return keyed(mine, ("id",), theirs, ("id",))


def test_topics_in_order_are_read_as_they_are() -> None:
    assert told(side("p"), side("o")) == (True, True, "")
    assert told(side("p"), None) == (True, True, "")
    assert told(side("p", by=zlib.crc32), side("o", by=zlib.crc32)) == (True, True, "")


def test_of_unequal_counts_one_is_written_anew() -> None:
    assert told(side("p"), side("o", partitions=3)) == (True, False, "p has 4 partitions, o 3")


def test_of_different_partitioners_the_one_that_is_not_javas_is_written_anew() -> None:
    why = "equal keys lie on different partitions: p by murmur2 (Java, aiokafka, murmur2_random), o by CRC32 (librdkafka's default)"

    assert told(side("p"), side("o", by=zlib.crc32)) == (True, False, why)
    assert told(side("p"), side("o", by=zlib.crc32, first=N)) == (True, False, why), "no key is in both samples"
    assert told(side("p"), side("o", by=lambda key: len(key) + key[-1], first=N))[:2] == (True, True), "nobody knows"


@pytest.mark.parametrize("key", [None, "account-7", '"o-{}"'])
def test_keys_that_are_not_the_id_are_written_anew(key: str | None) -> None:
    """None at all, another one, and one in quotes (field case C02)."""
    assert told(side("p", key), side("o")) == (False, True, "keys of p are not the prediction's id")
    assert told(side("p"), side("o", key)) == (True, False, "keys of o are not the prediction's id")
    assert told(side("p", key), side("o", key)) == (False, False, "keys of p and o are not the prediction's id")


def test_beside_a_topic_written_anew_only_javas_partitioner_will_do() -> None:
    """Since what is written anew lies so; of one partition there is nothing to compare."""
    why = "keys of p are not the prediction's id, and o is partitioned by CRC32 (librdkafka's default)"

    assert told(side("p", None), side("o", by=zlib.crc32)) == (False, False, why)
    assert told(side("p", None), side("o", by=lambda key: len(key) * 7 + key[-1]))[:2] == (False, False)
    assert told(side("p", None), side("o", by=zlib.crc32, partitions=1))[:2] == (False, True)


def test_without_a_field_of_its_own_the_key_is_the_id() -> None:
    assert keyed(side("p"), None, None, None) == (True, True, "")
    assert keyed(replace(side("p", None)), None, None, None) == (False, True, "keys of p are not the prediction's id")
