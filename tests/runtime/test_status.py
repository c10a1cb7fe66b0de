import msgspec
from tests.runtime.test_sinks import alert

from anchorwatch.engine.tail import Told
from anchorwatch.events import Summary
from anchorwatch.runtime import status

COLUMNS: dict[str, list[float | None]] = {
    "predictions": [1_998.0, 0.0, 700.0, 90.0], "quality": [0.73, None, 0.61, 0.2], "quality_low": [0.71, None, 0.57, 0.1],
    "quality_high": [0.75, None, 0.65, 0.3], "labels": [1_180.0, None, 400.0, 20.0], "p99_ms": [41.2, None, 44.0, 30.0],
}  # fmt: skip


def summary(at_ms: int = 60_000, state: str = "watching", traffic: str = "alive", model: str = "fraud") -> Summary:
    segments = ["whole", "other", "country=DE", "country=LI"]
    return Summary(model, "prod", at_ms, state, segments, COLUMNS, {"metric": "f1"}, {}, "group:default/risk-ml", traffic)


def told(value: bytes | None, key: bytes = b"prod/fraud") -> Told:
    return Told("t", 0, 0, 0, key, value, ())


def test_a_line_says_what_a_person_asks_first() -> None:
    """The worst segment is the lowest one with 30 labels: country=LI has 20."""
    row = status.rows({}, {"prod/fraud": summary()}, [alert("a")])[0]

    assert status.line(row) == (
        "fraud  prod  ● firing  1,998 predictions  p99 41.2 ms  f1 0.73 [0.71, 0.75]  1,180 labels  country=DE 0.61 ▼  risk-ml"
    )
    assert row.alerts == ("a is bad",)


def test_states_and_their_order() -> None:
    known = {f"prod/{name}": "team" for name in ("dark", "off", "learns", "quiet", "silent", "gone")}
    summaries = {
        "prod/dark": summary(model="dark", traffic="dark"), "prod/off": summary(model="off", traffic="switched off"),
        "prod/learns": summary(model="learns", state="learning"), "prod/quiet": summary(model="quiet"),
        "prod/gone": summary(model="gone", traffic="retired"),
    }  # fmt: skip

    assert [(row.model, row.state) for row in status.rows(known, summaries, [])] == [
        ("dark", "dark"), ("off", "switched off"), ("gone", "retired"), ("learns", "learning"), ("quiet", "watching"), ("silent", "no word"),
    ]  # fmt: skip


def test_an_announcement_is_no_reason_to_wake() -> None:
    told_so = alert("a")
    told_so.labels["severity"] = "info"

    assert status.rows({}, {"prod/fraud": summary()}, [told_so])[0].state == "watching"


def test_the_newest_summary_counts_and_findings_are_passed_over() -> None:
    records = [told(msgspec.json.encode(summary(at_ms))) for at_ms in (2, 3, 1)]
    found = status.newest(
        [*records, told(b'{"schema":"finding.v1"}'), told(b'{"schema":"summary.v1"}'), told(b'"summary.v1"\xff'), told(None)]
    )

    assert {key: each.at_ms for key, each in found.items()} == {"prod/fraud": 3}


def test_what_is_resolved_or_removed_is_not_open() -> None:
    records = [
        told(msgspec.json.encode(alert(name, state=state)), name.encode())
        for name, state in (("a", "firing"), ("b", "resolved"), ("c", "firing"))
    ]

    assert [each.id for each in status.opened([*records, told(None, b"c"), told(b"{}", b"d"), told(b'{"a":' * 100_000, b"e")])] == ["a"]


def test_complaints_are_told_and_that_none_came_is_no_good_news() -> None:
    some, none = summary(), summary()
    some.columns = {**COLUMNS, "complained": [0.0123, None, 0.02, None]}
    none.columns = {**COLUMNS, "complained": [None] * 4}
    none.reasons = {"metric": "f1", "complaints": "not measured: no complaint came"}

    lines = [status.line(status.rows({}, {"prod/fraud": each}, [])[0]) for each in (some, none, summary())]

    assert ["complaints 1.23 %  risk-ml" in lines[0], "no complaint came  risk-ml" in lines[1], "complaint" in lines[2]] == [
        True,
        True,
        False,
    ]


def test_a_model_without_labels_says_why() -> None:
    bare = summary()
    bare.columns = {**COLUMNS, "quality": [None] * 4, "labels": [None] * 4}
    bare.reasons = {"quality": "waiting for labels"}

    assert "waiting for labels" in status.line(status.rows({}, {"prod/fraud": bare}, [])[0])


def test_a_model_that_is_asked_for_alone_tells_all_its_metrics() -> None:
    one = summary()
    one.metrics = {"mcc": 0.61234, "recall": None}
    row = status.rows({"prod/fraud": "risk"}, {"prod/fraud": one}, [])[0]

    assert status.lines(row) == [status.line(row)]
    assert status.lines(row, alone=True) == [status.line(row), "  mcc 0.612  recall not measurable"]
