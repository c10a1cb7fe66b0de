"""Every provider x what all must keep: the signature decides by the bytes, a refusal tells nothing of the body, nothing raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutations import mutated
from tests.sources.hooks.posts import BODIES, EVENTS, SECRET, signed
from tests.sources.hooks.saying import NOW, read, told
from tests.traffic import T0

from anchorwatch.sources import hooks
from anchorwatch.sources.hooks import Heard, Places, Refused

SIGNING = sorted(set(BODIES) - {"unleash"})  # which signs nothing: its secret is a word
PLACES = Places()


def test_every_provider_has_a_post() -> None:
    assert sorted(EVENTS) == hooks.names()


@pytest.mark.parametrize("name", hooks.names())
def test_a_switch_that_went_off_is_one_change_in_our_words(name: str) -> None:
    found = read(name, EVENTS[name])

    assert isinstance(found, Heard)
    [change] = found.changes
    assert (change.environment, change.state, change.changed_at_ms) == ("prod", "off", T0)
    assert change.key == ("loan@champion" if name == "mlflow" else "loan-on")
    assert (change.actor or None) == (None if name == "mlflow" else "ann@example.org")


@pytest.mark.parametrize("name", hooks.names())
def test_the_wrong_secret_and_no_signature_are_refused_with_the_remedy(name: str) -> None:
    body = BODIES[name]

    for headers in (signed(name, body, "another secret"), {}):
        found = hooks.read(name, body, headers, SECRET, PLACES, NOW)
        assert isinstance(found, Refused)
        assert found.status == 401
        assert f"hooks.{name}" in found.fix


@pytest.mark.parametrize("name", SIGNING)
def test_the_signature_is_of_the_bytes_not_of_what_they_mean(name: str) -> None:
    """The same JSON with other blanks, key order and escapes is another body; signed as it stands, each is good."""
    whole = {**EVENTS[name], "note": "\u2028 ü"}
    spellings = [
        json.dumps(whole).encode(),
        json.dumps(whole, ensure_ascii=False).encode(),
        json.dumps(whole, indent=3).encode() + b" \n",
        json.dumps(dict(reversed(whole.items())), separators=(",", ":")).encode(),
    ]

    for body in spellings:
        assert isinstance(hooks.read(name, body, signed(name, body), SECRET, PLACES, NOW), Heard)
        for other in set(spellings) - {body}:
            found = hooks.read(name, other, signed(name, body), SECRET, PLACES, NOW)
            assert isinstance(found, Refused)
            assert found.status == 401


@pytest.mark.parametrize("name", SIGNING)
def test_a_body_that_lost_one_bit_is_refused(name: str) -> None:
    body = BODIES[name]

    for at in range(0, len(body), 7):
        bent = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert isinstance(hooks.read(name, bent, signed(name, body), SECRET, PLACES, NOW), Refused)


@pytest.mark.parametrize("name", hooks.names())
def test_header_names_are_read_in_any_letters(name: str) -> None:
    headers = {header.upper(): value for header, value in signed(name, BODIES[name]).items()}

    assert isinstance(hooks.read(name, BODIES[name], headers, SECRET, PLACES, NOW), Heard)


@given(name=st.sampled_from(sorted(BODIES)), header=st.text(max_size=80))
def test_no_signature_that_somebody_makes_up_is_taken_or_raises(name: str, header: str) -> None:
    headers = dict.fromkeys(signed(name, BODIES[name]), header)

    assert isinstance(hooks.read(name, BODIES[name], headers, SECRET, PLACES, NOW), Refused)


@pytest.mark.parametrize("name", hooks.names())
def test_whatever_is_signed_is_heard_or_refused_and_the_refusal_tells_nothing_of_the_body(name: str) -> None:
    """Nearly right bodies in which each text holds a word that must not come out again."""
    marked = BODIES[name].replace(b"ann@example.org", b"QUOKKA").replace(b"loan", b"QUOKKA")
    for _, body in zip(range(400), mutated([marked], seed=3), strict=False):
        found = read(name, body)

        assert isinstance(found, Heard) or (found.status == 422 and found.fix and "QUOKKA" not in found.reason), (body, found)


@pytest.mark.parametrize("name", hooks.names())
def test_what_is_no_json_and_what_is_no_event_is_refused_with_a_remedy(name: str) -> None:
    for body in (b"", b"off", b"[]", b"{}", b"[" * 100_000, b'{"kind":1}', b"\xff\xfe{\x00}\x00"):
        found = read(name, body)
        assert isinstance(found, Refused), body
        assert found.reason
        assert found.fix


def test_environments_are_translated_in_any_letters_and_others_keep_their_names() -> None:
    places = Places({"production": "prod", "eu-live": "prod-eu"}, "prod")

    assert [places.ours(theirs) for theirs in ("Production", "EU-Live", "Staging", "", None)] == [
        "prod",
        "prod-eu",
        "staging",
        "prod",
        "prod",
    ]
    assert places.all() == ["prod", "prod-eu"]


def test_a_time_far_ahead_is_that_of_arrival() -> None:
    """As with a service's own event: a clock that is an hour ahead must not hide what comes meanwhile."""
    assert told("generic", {**EVENTS["generic"], "changed_at_ms": NOW + 3_600_000}) == [("prod", "loan-on", "off", 700)]
