"""A refused row becomes a dead letter that says what, where and what to do."""

import hashlib

from anchorwatch.events import headed
from anchorwatch.sources.base import DEAD_VALUE_MAX, Refused, dead_letter
from anchorwatch.stages.rekey import ORIGIN

REFUSED = Refused(0, "field", "$.features.amount", "expected a number", "send the number alone")


def headers(record_headers: tuple[tuple[str, bytes], ...]) -> dict[str, str]:
    return {name: text.decode() for name, text in record_headers}


def test_a_dead_letter_keeps_key_and_value_and_speaks_kafka_streams_words() -> None:
    letter = dead_letter((b"p-1", b"{}", 0, 1_795_000_000_000), "anchorwatch.predictions", 0, REFUSED, "anchorwatch.dead-letters")

    assert (letter.topic, letter.partition, letter.key, letter.value) == ("anchorwatch.dead-letters", -1, b"p-1", b"{}")
    told = headers(letter.headers)
    assert told["__streams.errors.topic"] == "anchorwatch.predictions"
    assert (told["__streams.errors.partition"], told["__streams.errors.offset"]) == ("0", "0"), "zero is a value"
    assert told["__streams.errors.message"] == "$.features.amount: expected a number; send the number alone"
    assert told["anchorwatch.errors.kind"] == "field"
    assert told["anchorwatch.errors.path"] == "$.features.amount"
    assert told["anchorwatch.errors.fix"] == "send the number alone"


def test_a_value_over_the_limit_is_cut_and_its_size_and_hash_are_told() -> None:
    value = b"x" * (DEAD_VALUE_MAX + 1)

    letter = dead_letter((b"k", value, 7, 0), "t", 3, REFUSED, "dead")

    told = headers(letter.headers)
    assert len(letter.value or b"") == DEAD_VALUE_MAX
    assert told["anchorwatch.errors.value_bytes"] == str(DEAD_VALUE_MAX + 1)
    assert told["anchorwatch.errors.value_sha256"] == hashlib.sha256(value).hexdigest()


def test_values_can_be_left_out_for_privacy() -> None:
    letter = dead_letter((b"k", b"secret", 7, 0), "t", 3, REFUSED, "dead", verbatim=False)

    assert letter.value is None
    assert headers(letter.headers)["anchorwatch.errors.value_bytes"] == "6"


def test_a_row_without_key_gives_a_dead_letter_without_key() -> None:
    assert dead_letter((None, b"x", 7, 0), "t", 3, REFUSED, "dead").key is None


def test_a_record_that_was_written_anew_is_told_by_where_it_first_stood() -> None:
    came = headed((b"k", b"{", 3, 7), {ORIGIN: b"pay.scored-2@17@1800000000000"})

    headers = dict(dead_letter(came, "rekeyed", 0, Refused(0, "malformed", "$", "not JSON", "send JSON"), "dead-letters").headers)

    place = [headers[f"__streams.errors.{name}"] for name in ("topic", "partition", "offset")]
    assert place == [b"pay.scored", b"2", b"17"]
