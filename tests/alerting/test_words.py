"""How an alert is written down."""

import doctest
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.alerting import words as module
from anchorwatch.alerting.policy import ModelAlerts
from anchorwatch.alerting.signal import Signal
from anchorwatch.alerting.words import LABEL_MAX, SUMMARY_MAX, VALUE_MAX, rfc3339, shortened
from anchorwatch.events import Alert

T0 = 1_795_338_720_000
WINDOW = (T0 + 30_000, T0 + 40_000)
Told = Callable[..., Alert]


@pytest.fixture
def told(fraud: ModelAlerts, signal: Callable[..., Signal]) -> Told:
    """The record of one page."""

    def tell(**changes: Any) -> Alert:
        return fraud.window(WINDOW, [signal(**changes)], {"predictions-3": (88_121, 90_412)}, WINDOW[1])[0]

    return tell


def strict(alert: Alert) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(msgspec.json.encode(alert), parse_constant=refuse)


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module).failed == 0


def test_a_record_says_all_that_the_interface_promises(told: Told) -> None:
    alert = told(segment="country=DE", evidence={"current": 0.61}, direction="down", traces=[f"00-{'4b' * 16}-{'a1' * 8}-01", "broken"])

    assert alert.labels == {
        "alertname": "QualityDrop",
        "model": "fraud",
        "environment": "prod",
        "watch": "quality",
        "subject": "f1",
        "segment": "country=DE",
        "severity": "critical",
        "owner": "group:default/risk-ml",
    }
    assert alert.annotations["dashboard_url"] == f"https://watch.example/alerts/{alert.id}"
    assert alert.annotations["image_url"] == f"https://watch.example/alerts/{alert.id}.png"
    assert alert.annotations["runbook_url"] == "https://wiki.example/fraud"
    assert (alert.startsAt, alert.endsAt) == ("2026-11-22T09:12:00Z", None)
    assert alert.opened_at_ms == WINDOW[1]
    assert alert.evidence == {
        "current": 0.61,
        "change_point_ms": T0,
        "direction": "down",
        "offsets": {"predictions-3": [88_121, 90_412]},
        "traceparents": [f"00-{'4b' * 16}-{'a1' * 8}-01"],
    }
    assert alert.trace_ids == ["4b" * 16]
    assert alert.owner["route"] == "risk-oncall"


def test_every_json_we_write_is_strict(told: Told) -> None:
    """Field case C25: no number is null; names with a closing script tag and line separators stay text."""
    alert = told(segment="name=</script>\u2028", evidence={"current": float("nan"), "interval": (0.0, float("inf")), "n": 0})

    assert strict(alert)["evidence"]["interval"] == [0.0, None]
    assert strict(alert)["labels"]["segment"] == "name=</script>\u2028"


def test_a_huge_finding_still_fits(told: Told) -> None:
    """First the picture leaves; identity and words stay."""
    rows = [[T0, 0.74, 0.71, 0.77, "x" * 500]] * 240
    alert = told(evidence={"current": 0.61, "series": rows, "text": "y" * 100_000}, description="ß" * 100_000, summary="ß" * 5_000)

    assert len(msgspec.json.encode(alert)) <= VALUE_MAX
    assert alert.evidence["current"] == 0.61
    assert "series" not in alert.evidence


def test_what_cannot_fit_loses_its_evidence_and_says_so(told: Told) -> None:
    causes = [{"kind": "deploy", "key": f"k{i}", "note": ["ß" * 4_000] * 3} for i in range(8)]
    alert = told(evidence={f"e{i}": "ß" * 4_000 for i in range(200)}, impact={f"i{i}": "ß" * 4_000 for i in range(200)}, caused_by=causes)

    assert len(msgspec.json.encode(alert)) <= VALUE_MAX
    assert alert.evidence["shortened"]


def test_a_picture_has_at_most_120_rows_the_newest(told: Told) -> None:
    alert = told(evidence={"series": [[i, 0.5, 0.4, 0.6] for i in range(200)]})

    assert [row[0] for row in alert.evidence["series"]] == list(range(80, 200))


def test_long_segments_stay_distinct_labels(told: Told) -> None:
    one, other = told(segment="s=" + "x" * 5_000 + "a"), told(segment="s=" + "x" * 5_000 + "b")

    assert one.labels["segment"] != other.labels["segment"]
    assert len(one.labels["segment"]) == LABEL_MAX


@given(st.text(max_size=40), st.integers(1, 40))
def test_a_text_is_cut_where_a_character_ends(text: str, limit: int) -> None:
    cut = shortened(text, limit)

    assert len(cut) <= limit
    assert cut == text or text.startswith(cut[:-1])


@pytest.mark.parametrize("text", ["Cafe\u0301 au lait", "👩\u200d🚒 fire", "क्षि क्षि"])
def test_a_letter_keeps_its_accent(text: str) -> None:
    """Whatever the limit, what was cut off does not begin with a mark that belonged to what stays."""
    for limit in range(1, len(text)):
        kept = shortened(text, limit)[:-1]
        assert not text[len(kept) :].startswith(("\u0301", "\u200d", "\u094d"))


def test_a_summary_fits_receivers_that_refuse_more(told: Told) -> None:
    assert len(told(summary="ä" * 3_000).annotations["summary"]) == SUMMARY_MAX


@pytest.mark.parametrize(
    ("ms", "text"), [(-5, "1970-01-01T00:00:00Z"), (10**18, "9999-12-31T23:59:59Z"), (T0 + 20, "2026-11-22T09:12:00.020Z")]
)
def test_instants_are_rfc_3339_whatever_the_number(ms: int, text: str) -> None:
    assert rfc3339(ms) == text


def test_without_a_web_view_there_are_no_links(signal: Callable[..., Signal]) -> None:
    alert = ModelAlerts("prod", "fraud", {"team": "t"}).window(WINDOW, [signal()], {}, WINDOW[1])[0]

    assert alert.generatorURL == ""
    assert set(alert.annotations) == {"summary", "incident_summary", "incident_headline"}
