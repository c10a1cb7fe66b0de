"""Complaints joined to predictions: each once, whatever the order, over restarts and by any number of tasks."""

import json

import pytest
from tests.complaining import Mood, complained, complaint, heeding, heeding_drive, heeding_reference
from tests.deciding import decided
from tests.stages.lives import ManyLives, run
from tests.traffic import CLOCKWORK, T0, in_order, loan_applied, loan_reference, traffic

from anchorwatch.runtime.drive import Drive, Event, Heard, applied_of
from anchorwatch.stages import ingest_state, table
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches.impact import complaints

OFTEN = Mood(share=0.3)


def told(heard: Heard) -> dict[str, int]:
    """result -> complaints, of telemetry."""
    return {dict(labels)["result"]: n for (name, labels), n in heard.report.counters.items() if name == "anchorwatch.complaints"}


def tallied(heard: Heard) -> dict[str, int]:
    total: dict[str, int] = {}
    for summary in heard.summaries:
        for name, n in summary.tallies.items():
            if name.startswith("complaint."):
                total[name] = total.get(name, 0) + n
    return total


def counted(drive: Drive) -> list[int]:
    """By symbol, of the whole and of all that was shown."""
    recent = drive.judge.models["prod/loan"].recent
    found: list[int] = recent.total(complaints(recent.layout).key)[0].tolist()
    return found


def late_end(events: list[Event]) -> int:
    return events[-1].at_ms + 40_000


def test_each_complaint_counts_once_and_what_comes_again_is_a_duplicate() -> None:
    events = complained(traffic(400), OFTEN)
    again = [e._replace(at_ms=e.at_ms + 5_000) for e in events if e.role == "complaints"][:50]

    heard = heeding_drive().feed(in_order([*events, *again])).end(late_end(events))

    n = sum(e.role == "complaints" for e in events)
    assert told(heard) == {"joined": n, "duplicate": 50, "late": told(heard)["late"]}
    assert told(heard)["late"] < n / 10  # it is judged at the reference's p95


def test_a_complaint_before_its_prediction_waits_for_it() -> None:
    events = complained(traffic(400), Mood(share=1.0, early_ms=3_000))

    drive = heeding_drive()
    for i in range(0, len(events), 20):
        drive.feed(events[i : i + 20])

    assert told(drive.end(late_end(events))) == {"early": 400, "joined": 400}


def test_the_first_complaint_is_read_and_one_that_comes_late_is_told_and_not_counted() -> None:
    """By hand: of three predictions the first draws two complaints in time, the second one after 9 s, where the reference's p95 is below one."""
    events = traffic(3, rate=1)
    ids = [e.key.decode() for e in events if e.role == "predictions"]
    said = [complaint(T0 + 100, ids[0], "churn"), complaint(T0 + 200, ids[0], "ticket"), complaint(T0 + 10_000, ids[1])]
    drive = heeding_drive()

    heard = drive.feed(in_order([*events, *said])).end(T0 + 14_000)

    assert heeding_reference().kinds == ("ticket", "churn")
    assert told(heard) == {"joined": 2, "duplicate": 1, "late": 1}
    assert counted(drive) == [2, 0, 1, 0]


def test_a_kind_that_nobody_knows_and_one_that_is_not_told_are_of_another_kind() -> None:
    events = traffic(3, rate=10)
    ids = [e.key.decode() for e in events if e.role == "predictions"]
    plain = {"prediction_id": ids[1], "model": "loan", "complained_at_ms": T0 + 300}
    said = [complaint(T0 + 300, ids[0], "lawsuit"), Event("complaints", T0 + 300, ids[1].encode(), json.dumps(plain).encode())]
    drive = heeding_drive()
    drive.feed(in_order([*events, *said])).end(T0 + 14_000)

    assert counted(drive) == [1, 0, 0, 2]


def test_what_meets_no_prediction_is_told_when_it_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (table, ingest_state):
        monkeypatch.setattr(module, "PAGE", 16)
    strangers = [complaint(T0 + i, f"nobody-{i}") for i in range(32)]

    heard = heeding_drive().feed(in_order([*traffic(200), *strangers])).end(T0 + 90_000)

    assert told(heard) == {"early": 32, "unmatched": 32}


def test_a_complaint_that_names_another_model_meets_none_of_this_ones_predictions() -> None:
    events = traffic(20)
    ids = [e.key.decode() for e in events if e.role == "predictions"]
    of_others = [complaint(T0 + 500, pid, model="mortgage") for pid in ids]
    drive = heeding_drive()
    heard = drive.feed(in_order([*events, *of_others])).end(T0 + 14_000)

    assert told(heard) == {}
    assert counted(drive) == [20, 0, 0, 0]
    assert heard.report.counters["anchorwatch.notes", (("kind", "no_contract"),)] == 20


def test_a_model_without_a_word_of_complaints_reads_none() -> None:
    drive = Drive([loan_applied()], CLOCKWORK)

    assert drive.topics.keys() == {"predictions", "outcomes"}
    assert not [key for key in drive.registry.latest()[0].layout.counts if key.startswith("complaints")]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (b'{"prediction_id":["o-1"],"model":"loan","kind":"ticket"}', b"$.prediction_id"),
        (b'{"prediction_id":"o-1","model":"Loan!","kind":"ticket"}', b"$.model"),
        (b'{"prediction_id":"o-1"', b"$"),
    ],
)
def test_a_dead_letter_says_what_is_wrong_with_a_complaint(value: bytes, path: bytes) -> None:
    events = [*traffic(20), Event("complaints", T0 + 5, b"o-1", value)]

    heard = heeding_drive().feed(in_order(events)).end(T0 + 20_000)

    assert [dict(record.headers)["anchorwatch.errors.path"] for record in heard.dead] == [path]
    assert told(heard) == {}


def test_findings_and_totals_do_not_depend_on_deaths_or_tasks() -> None:
    """Decisions and complaints side by side, each in its own table."""
    contract = heeding(decisions='{"yes": grant, "no": refuse}')
    events = decided(complained(traffic(1_500), Mood(share=0.2, early_ms=200)))
    applied, end = applied_of(contract, reference_to_json(heeding_reference())), late_end(events)
    arrival = [events[i : i + 300] for i in range(0, len(events), 300)]
    never, often = run(applied, CLOCKWORK, arrival, end), run(applied, CLOCKWORK, arrival, end, frozenset(range(len(arrival))))
    four = Drive([applied], CLOCKWORK.__class__(**{**CLOCKWORK.__dict__, "tasks": 4})).feed(events).end(end)

    def impact(heard: Heard) -> list[object]:
        return [f for f in heard.findings if f.watch == "impact"]

    assert {f.name for f in never.heard.findings if f.watch == "impact"} == {"OutputComplained"}
    assert impact(never.heard) == impact(often.heard) == impact(four)
    n = sum(event.role == "complaints" for event in events)
    assert [tallied(heard)["complaint.joined"] for heard in (never.heard, often.heard, four)] == [n, n, n]


def test_a_state_from_before_complaints_goes_on_when_the_contract_asks_for_them() -> None:
    """The new contract is in force for later predictions; those that waited under the old one are joined, and counted as it asks."""
    first, later = traffic(300, rate=100), complained(traffic(300, start_ms=T0 + 10_000, rate=100, name="b"), OFTEN)
    before = ManyLives([loan_applied()], CLOCKWORK)
    before.feed(first)
    after = ManyLives([loan_applied(), applied_of(heeding(), reference_to_json(loan_reference()))], CLOCKWORK)
    after.chunks, after.judge_chunks = before.chunks, before.judge_chunks
    after.reborn()
    said = [complaint(T0 + 5_000, e.key.decode()) for e in first if e.role == "predictions"][:10]

    heard = after.feed(in_order([*said, *later])).end(T0 + 60_000)

    n = sum(event.role == "complaints" for event in later)
    assert not [key for key in before.chunks[0] if b"complained" in key]
    assert tallied(heard)["complaint.joined"] == n + 10
