"""A file through both stages in-process."""

import gzip
from pathlib import Path

import msgspec
import pytest
from tests.arms import with_shadow, with_slice
from tests.runtime.loans import LOANS, Fault, T, events, flag, lines
from tests.stages.lives import batches, run

from anchorwatch.contract.model import AlivePromise, Input, Source
from anchorwatch.errors import ConfigError, ContractError
from anchorwatch.events import Complaint
from anchorwatch.runtime.backtest import Course, Told, backtest, learned, of_time, plan, read, sparse, split, unheard
from anchorwatch.runtime.drive import Clockwork, Event
from anchorwatch.runtime.report_table import findings_json, totals
from anchorwatch.stages.reference import reference_from_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.siblings import share

QUIET = events(2_000, T - 20_000)
SECOND = Clockwork(window_ms=1_000, lateness_ms=500)


def told(judged: list[Event]) -> Told:
    return backtest(plan(LOANS, judged, window_ms=1_000, reference=QUIET), SECOND)


def test_a_quiet_file_says_nothing() -> None:
    found = told(events(2_000, T, seed=2))

    assert [f.summary for f in found.findings] == []
    assert found.refused == 0


def test_a_broken_region_is_named_and_the_renamed_field_too() -> None:
    found = told(events(4_000, T, seed=3, fault=Fault(T + 10_000, renamed=True, wrong_in="us")))

    assert {"InputRetyped", "InputVanished"}.isdisjoint({f.name for f in found.findings})
    assert ("InputRenamed", "amount") in {(f.name, f.subject) for f in found.findings}
    pages = [alert for alert in found.alerts if alert.loud and alert.labels["severity"] == "critical"]
    assert [(alert.labels["alertname"], alert.labels["segment"]) for alert in pages] == [("QualityDrop", "region=us")]


def test_labels_count_at_their_own_time() -> None:
    """The outcomes of a file come after `late`: nothing is judged by them, as in production."""
    slow = [e._replace(at_ms=e.at_ms + 5_000) if e.role == "outcomes" else e for e in events(2_000, T, fault=Fault(T, wrong_in="eu"))]
    late = [
        e._replace(value=msgspec.json.encode(msgspec.json.decode(e.value) | {"known_at_ms": e.at_ms})) if e.role == "outcomes" else e
        for e in slow
    ]

    found = told(sorted(late, key=lambda e: e.at_ms))

    assert [f for f in found.findings if f.watch == "quality"] == []


def test_a_flag_in_the_file_is_heard() -> None:
    found = told(sorted([*events(1_000, T), flag(T + 5_000, "off")], key=lambda e: e.at_ms))

    assert [(f.name, f.since_ms) for f in found.findings] == [("ModelSwitchedOff", T + 5_000)]


def test_batches_and_tasks_do_not_matter() -> None:
    judged = events(3_000, T, seed=4, fault=Fault(T + 10_000, wrong_in="eu"))
    course = plan(LOANS, judged, window_ms=1_000, reference=QUIET)

    one, four = (backtest(course, Clockwork(window_ms=1_000, lateness_ms=500, tasks=n)) for n in (1, 4))

    assert one.findings
    assert [msgspec.json.encode(f) for f in one.findings] == [msgspec.json.encode(f) for f in four.findings]


def test_who_waits_is_told_how_far_it_is() -> None:
    said: list[str] = []

    backtest(plan(LOANS, events(3_000, T), window_ms=1_000, reference=QUIET), SECOND, said.append)

    shares = [int(word.partition(" ")[0]) for word in said]
    assert shares == sorted(shares)
    assert (len(shares) > 10, shares[-1]) == (True, 100)
    assert said[-1] == "100 % of the time is judged"


def test_a_file_with_an_event_now_and_then_is_told_what_a_longer_window_saves() -> None:
    minutes = [e._replace(at_ms=T + 60_000 * i) for i, e in enumerate(events(2_000, T))]
    course = plan(LOANS, minutes, window_ms=1_000)

    assert sparse(course, 10_000) == f"; {len(minutes):,} windows hold events, --window 1h would make them {len(minutes) // 60 + 1}"
    assert sparse(course, 3_600_000) == sparse(plan(LOANS, events(2_000, T), window_ms=1_000), 10_000) == ""


# what is normal


def test_an_outcome_goes_where_its_prediction_goes() -> None:
    found = events(1_000, T)

    normal, judged = split(found, 0, T + 5_000)

    assert {e.key for e in normal}.isdisjoint({e.key for e in judged})
    assert [sum(e.role == role for e in normal) for role in ("predictions", "outcomes")] == [500, 500]


def test_the_contracts_own_window_is_the_reference() -> None:
    window = LOANS.reference.model_copy(update={"window": (T + 5_000, T + 10_000)})
    contract = LOANS.model_copy(update={"reference": window})

    course = plan(contract, events(2_000, T), window_ms=1_000)

    assert course.reference is not None
    assert (course.reference["rows"], course.events[0].at_ms) == (500, T + 10_000)


def test_without_any_reference_the_model_is_learning() -> None:
    course = plan(LOANS, events(500, T), window_ms=1_000)

    assert (course.reference, course.reference_id) == (None, "")


def test_features_that_no_contract_declares_are_learnt() -> None:
    bare = LOANS.model_copy(update={"features": {}})

    found = learned(bare, QUIET)

    assert sorted(found["fields"]) == ["age", "amount", "job"]


def test_too_few_rows_are_no_reference() -> None:
    with pytest.raises(ContractError, match="100 predictions are too few, 300 are needed"):
        learned(LOANS, events(100, T))


def test_rows_that_cannot_be_used_are_named() -> None:
    broken = QUIET[0]._replace(value=b'{"prediction_id": "x", "model": "loans", "prediction": []}')

    with pytest.raises(ContractError, match="reference: row 1 cannot be used"):
        learned(LOANS, [broken, *QUIET[1:]])


def test_a_reference_of_everything_leaves_nothing_to_judge() -> None:
    with pytest.raises(ConfigError, match="nothing to judge"):
        plan(LOANS, QUIET, window_ms=1_000, until_ms=T + 1_000)


def test_topics_of_the_contract_are_left_alone() -> None:
    """Replay makes its own, so that nothing is ever written to those of production."""
    own = LOANS.source.model_copy(update={"predictions": LOANS.source.predictions.model_copy(update={"topic": "loans.scored"})})

    course: Course = plan(LOANS.model_copy(update={"source": own}), events(500, T), window_ms=1_000)

    assert course.contract.source.predictions.topic is None
    assert course.contract.source.flags == ("loans-on",)


# files


@pytest.mark.parametrize("name", ["loans.jsonl", "loans.ndjson.gz"])
def test_lines_of_native_events_are_read_in_the_order_of_time(tmp_path: Path, name: str) -> None:
    found = [*events(50, T), flag(T + 100, "off")]
    text = lines(found[::-1])
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)

    back = read(tmp_path / name, LOANS)

    assert sorted(back) == sorted(found)
    assert [e.at_ms for e in back] == sorted(e.at_ms for e in found)


def test_rows_of_a_table_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("prediction_id,predicted_at_ms,prediction,label,known_at_ms,amount\na,1800000000000,yes,no,1800000001000,12.5\n")

    back = read(path, LOANS)

    assert [(e.role, e.at_ms, e.key) for e in back] == [("predictions", T, b"a"), ("outcomes", T + 1_000, b"a")]


def test_a_line_without_its_time_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"heartbeat_at_ms": 5}\n\n{"prediction_id": "a", "model": "loans", "prediction": "yes"}\nnonsense\n')

    with pytest.raises(ConfigError) as told_error:
        read(path, LOANS)

    assert [line.split(": ")[0] for line in str(told_error.value).splitlines()] == [f"{path}:3", f"{path}:4"]
    assert "predicted_at_ms is missing" in str(told_error.value)


def test_a_complaint_without_its_time_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prediction_id": "a", "model": "loans", "kind": "ticket"}\n')

    with pytest.raises(ConfigError, match="complained_at_ms is missing"):
        read(path, LOANS)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.parquet is not read; give \.csv or \.jsonl"):
        read(tmp_path / "rows.parquet", LOANS)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "none.jsonl", LOANS)


def test_what_other_arms_answered_is_not_learnt_as_the_models_normal() -> None:
    """A fifth of the rows are of the arm `baseline`, which always says no; a shadow stands beside the others."""
    sliced = with_slice(QUIET)
    ids = {e.key for e in sliced if e.role == "predictions" and b'"arm": "baseline"' not in e.value}

    found, alone = learned(LOANS, with_shadow(sliced, right=0.5)), learned(LOANS, [e for e in QUIET if e.key in ids])

    assert found["rows"] == len(ids) < len(QUIET) / 2
    assert found == alone


# siblings

ASIDE = LOANS.model_copy(
    update={
        "promises": LOANS.promises.model_copy(update={"alive": AlivePromise.model_validate({"silent_after": "1m", "siblings": ["paid"]})})
    }
)


def paid(n: int, begin_ms: int, rate: int = 100, at_once: int = 1) -> list[Event]:
    """Events of the sibling topic `paid`, so many in a line."""
    return [Event("siblings", begin_ms + i * 1_000 * at_once // rate, b"paid", b"%d" % at_once) for i in range(n // at_once)]


def aside(ours: int, theirs: int, *more: Event, at_once: int = 1, window_ms: int = 1_000, tasks: int = 1) -> Told:
    """20 s as usual, then 40 s of so many a second."""
    usual = [*events(4_000, T - 60_000), *paid(4_000, T - 60_000, at_once=at_once)]
    judged = [*events(2_000, T, 3), *paid(2_000, T, at_once=at_once), *more]
    judged += events(40 * ours, T + 20_000, 4, rate=ours) + paid(40 * theirs, T + 20_000, theirs, at_once)
    usual, judged = (sorted(each, key=lambda e: (e.at_ms, e.role == "outcomes")) for each in (usual, judged))
    course = plan(ASIDE, judged, window_ms=window_ms, reference=usual)
    return backtest(course, Clockwork(window_ms=window_ms, lateness_ms=500, tasks=tasks))


def alive(found: Told) -> list[tuple[str, str]]:
    return [(f.name, f.verdict) for f in found.findings if f.watch == "alive"]


def test_traffic_that_goes_past_the_model_while_its_siblings_go_on_pages() -> None:
    found = aside(33, 100)

    assert ("TrafficLost", "page") in alive(found)
    [first] = [alert for alert in found.alerts if alert.labels["alertname"] == "TrafficLost" and alert.sequence == 1]
    assert abs(first.evidence["change_point_ms"] - (T + 20_000)) <= 1_000
    assert first.evidence["reference"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("ours", "theirs"), [(33, 33), (75, 100), (300, 300), (100, 33)])
def test_what_both_share_what_one_pod_of_four_is_and_fewer_siblings_say_nothing(ours: int, theirs: int) -> None:
    assert alive(aside(ours, theirs)) == []


def test_a_model_that_was_switched_off_loses_no_traffic() -> None:
    assert {name for name, _ in alive(aside(1, 100, flag(T + 19_500, "off")))} == {"ModelSwitchedOff"}


def test_siblings_in_lines_of_one_or_of_many_and_any_number_of_tasks_say_the_same() -> None:
    one, many, tasks = aside(33, 100), aside(33, 100, at_once=10), aside(33, 100, tasks=3)

    assert findings_json(one.findings) == findings_json(tasks.findings)
    assert alive(one) == alive(many) == [("TrafficLost", "warning"), ("TrafficLost", "page")]


def test_a_file_without_their_events_says_nothing_of_them() -> None:
    course = plan(ASIDE, events(1_000, T, 3), window_ms=1_000, reference=QUIET)

    assert alive(backtest(course, SECOND)) == []
    assert unheard(course)[0].startswith("alive: its share among its siblings waits: the reference holds 0 of their events")
    assert unheard(plan(LOANS, events(500, T), window_ms=1_000, reference=QUIET)) == []


def test_siblings_belong_to_the_reference_by_their_own_time() -> None:
    found = [*events(1_000, T), *paid(1_000, T)]

    normal, judged = split(found, T + 1_000, T + 5_000)

    assert sum(e.role == "siblings" for e in normal) == 400
    assert sum(e.role == "siblings" for e in judged) == 500
    assert sum(e.role == "siblings" for e in of_time(found, T, T + 2_000)) == 200
    assert {e.role for e in of_time(found, T, T + 2_000)} == {"predictions", "outcomes", "siblings"}


def test_what_came_under_an_alert_is_no_normal_of_siblings_either() -> None:
    both = [*events(2_000, T), *paid(2_000, T)]

    whole, less = (learned(ASIDE, both, left_out=spans) for spans in ((), ((T, T + 10_000),)))
    shares = [reference_from_json(each).counts[share(Layout(ASIDE, None, catalogue())).key][0].tolist() for each in (whole, less)]

    assert shares == [[2_000, pytest.approx(2_000, abs=2)], [1_000, pytest.approx(1_000, abs=2)]]


def test_lines_name_the_topic_of_siblings_and_how_many_came(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"sibling": "paid", "at_ms": 1800000000000, "n": 7}\n{"sibling": "paid", "at_ms": 1800000000500}\n')

    assert read(path, ASIDE) == [Event("siblings", T, b"paid", b"7"), Event("siblings", T + 500, b"paid", b"1")]
    path.write_text('{"sibling": "paid", "at_ms": 1800000000000, "n": 0}\n{"sibling": "paid", "n": 2}\n')
    with pytest.raises(ConfigError) as told_error:
        read(path, ASIDE)
    assert [line.partition(": ")[2][:13] for line in str(told_error.value).splitlines()] == ["n is 0: how m", "at_ms is miss"]


# complaints


def test_complaints_in_a_file_are_heard_and_a_file_without_any_says_nothing_of_them(tmp_path: Path) -> None:
    """Where the contract tells their topic; a file has none."""
    source = LOANS.source.model_copy(update={"complaints": Input(topic="crm.tickets", keyed=False)})
    contract, found = LOANS.model_copy(update={"source": source}), events(4_000, T)
    begin = found[-1].at_ms // 2 + T // 2
    path = tmp_path / "events.jsonl"
    path.write_bytes(
        lines([*found, *(complaint(e) for i, e in enumerate(found) if e.role == "predictions" and (e.at_ms > begin or i % 50 == 0))])
    )

    heard = backtest(plan(contract, read(path, contract), window_ms=1_000, until_ms=begin), SECOND)
    silent = backtest(plan(contract, found, window_ms=1_000, until_ms=begin), SECOND)

    assert heard.course.contract.source == Source(flags=("loans-on",), complaints=Input())
    assert {finding.name for finding in heard.findings if finding.watch == "impact"} == {"OutputComplained"}
    assert totals(heard)["complaints"] == sum(event.role == "complaints" for event in heard.course.events) > 1_000
    assert [finding for finding in silent.findings if finding.watch == "impact"] == []


def complaint(about: Event) -> Event:
    at = about.at_ms + 400
    return Event("complaints", at, about.key, msgspec.json.encode(Complaint(about.key.decode(), "loans", complained_at_ms=at)))


def test_complaints_that_the_reference_never_saw_are_said_not_to_be_judged() -> None:
    asked = LOANS.model_copy(update={"source": LOANS.source.model_copy(update={"complaints": Input()})})

    told = unheard(plan(asked, events(500, T), window_ms=1_000, reference=QUIET))

    assert [why.partition(":")[0] for why in told] == ["impact"]
    assert "the reference holds none of them" in told[0]


def test_deaths_of_all_stages_change_nothing_of_what_is_said_of_siblings() -> None:
    usual = [*events(4_000, T - 60_000), *paid(4_000, T - 60_000)]
    judged = [*events(2_000, T, 3), *paid(2_000, T), *events(1_320, T + 20_000, 4, rate=33), *paid(4_000, T + 20_000)]
    judged = sorted(judged, key=lambda e: (e.at_ms, e.role == "outcomes"))
    course = plan(ASIDE, judged, window_ms=1_000, reference=usual)
    some, clockwork = batches(judged), Clockwork(window_ms=1_000, lateness_ms=500, tasks=2)

    lives = [run(course.applied[0], clockwork, some, course.end_ms, deaths) for deaths in (frozenset[int](), frozenset(range(len(some))))]

    once, again = (findings_json(each.heard.findings) for each in lives)
    assert again == once
    assert sum(f.name == "TrafficLost" for f in lives[0].heard.findings) >= 2
