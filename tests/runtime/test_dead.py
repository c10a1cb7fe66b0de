import pytest

from anchorwatch.engine.tail import Told
from anchorwatch.errors import ConfigError
from anchorwatch.runtime import dead
from anchorwatch.sources.base import Refused, dead_letter


def told(
    offset: int, reason: str = "expected 0..1, got 87", *, path: str = "$.score", value: bytes | None = b"{}", verbatim: bool = True
) -> Told:
    """As ingest writes it, of predictions-3@<1000 + offset>."""
    refused = Refused(0, "field", path, reason, "send a share, not per cent")
    made = dead_letter((b"k", value, 1_000 + offset, 0), "predictions", 3, refused, "dead-letters", verbatim=verbatim)
    return Told("dead-letters", 0, offset, 5_000 + offset, made.key, made.value, made.headers)


def test_a_letter_says_what_ingest_said() -> None:
    found = dead.letter(told(7))

    assert (found.place, found.kind, found.path, found.reason) == ("0@7", "field", "$.score", "expected 0..1, got 87")
    assert (found.fix, found.origin, found.whole) == ("send a share, not per cent", ("predictions", 3, 1_007), True)


def test_a_record_that_somebody_else_wrote_there_is_shown_all_the_same() -> None:
    found = dead.letter(Told("dead-letters", 1, 2, 3, None, b"x", (("__streams.errors.partition", b"not a number"),)))

    assert (found.kind, found.reason, found.origin) == ("unknown", "it does not say why", None)


def test_values_that_were_cut_or_left_out_are_not_whole() -> None:
    assert not dead.letter(told(1, value=b"x" * 1_000_000)).whole
    assert not dead.letter(told(1, verbatim=False)).whole
    assert dead.letter(told(1, value=b"")).whole


def test_reasons_are_counted_without_the_value_that_was_met() -> None:
    found = dead.reasons(map(dead.letter, [told(1), told(2, "expected 0..1, got 88"), told(3, "is missing", path="$.model")]))

    assert [(each.n, each.path, each.newest and each.newest.place) for each in found] == [(2, "$.score", "0@2"), (1, "$.model", "0@3")]


def test_letters_are_chosen_by_place_topic_kind_and_path() -> None:
    every = [dead.letter(told(1)), dead.letter(told(2, path="$.model"))]

    assert [each.place for each in dead.chosen(every, (), "", "", "$.model")] == ["0@2"]
    assert [each.place for each in dead.chosen(every, ("0@1",), "", "", "")] == ["0@1"]
    assert dead.chosen(every, (), "outcomes", "", "") == []
    with pytest.raises(ConfigError, match="no such dead letter: 0@9"):
        dead.chosen(every, ("0@9",), "", "", "")


def test_a_record_that_is_sent_again_keeps_its_headers_and_its_first_place() -> None:
    place, first = ("predictions", 3, 1_007), b"predictions-3@5"

    assert dead.again(place, None) == [(dead.RETRIED, b"predictions-3@1007")]
    assert dead.again(place, (("a", b"1"), ("a", b"2"), ("b", None))) == [("a", b"2"), ("b", None), (dead.RETRIED, b"predictions-3@1007")]
    assert dead.again(place, ((dead.RETRIED, first), ("a", b"1"))) == [(dead.RETRIED, first), ("a", b"1")]


def test_more_letters_than_fit_ask_for_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead, "LETTERS_MAX", 2)

    with pytest.raises(ConfigError, match="name a --since"):
        list(dead.letters([told(1), told(2), told(3)]))
