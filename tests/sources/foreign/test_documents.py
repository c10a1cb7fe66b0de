import pytest

from anchorwatch.errors import EventRejected
from anchorwatch.sources.foreign.documents import object_of, one_object, text_of
from anchorwatch.sources.native.careful import Remarks


@pytest.mark.parametrize("value", [b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}', b'{"a": 2, "a": 1}'])
def test_an_object_is_read_also_where_json_is_not_quite_kept(value: bytes) -> None:
    assert one_object(value, {}, Remarks()) == [{"a": 1}]


def test_not_a_number_is_remembered_so_that_it_is_counted() -> None:
    remarks = Remarks()
    object_of(b'{"a": NaN}', remarks)

    assert remarks.strange


def test_an_envelope_of_connect_is_an_object_like_any_other() -> None:
    """Its payload is one path further."""
    assert object_of(b'{"schema": {}, "payload": {"a": 1}}', Remarks())["payload"] == {"a": 1}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"[1]", "an array"),
        (b'"{}"', "JSON inside JSON"),
        (b"{}{}", "more than one object"),
        (b"\0\0\0\0\x2a{}", "schema id 42"), (b"", "an empty value")],
)  # fmt: skip
def test_what_is_no_object_is_refused_in_the_words_of_our_own_events(value: bytes, reason: str) -> None:
    with pytest.raises(EventRejected, match=reason):
        object_of(value, Remarks())


@pytest.mark.parametrize("document", [{}, {"id": None}, {"id": ""}, {"id": 3}])
def test_a_text_that_must_be_there(document: dict[str, object]) -> None:
    with pytest.raises(EventRejected, match=r"\$\.id"):
        text_of(document, "id")
