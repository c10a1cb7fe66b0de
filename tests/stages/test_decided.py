"""Decisions joined to predictions: each once, whatever the order, over restarts and by any number of tasks."""

import pytest
from tests.deciding import Habit, decided, decision, lending, lending_drive, lending_reference
from tests.stages.lives import ManyLives, run
from tests.traffic import CLOCKWORK, T0, in_order, traffic

from anchorwatch.runtime.drive import Drive, Event, Heard, applied_of
from anchorwatch.stages import ingest_state, table
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches.base import DECIDED


def told(heard: Heard) -> dict[str, int]:
    """result -> decisions, of telemetry."""
    return {dict(labels)["result"]: n for (name, labels), n in heard.report.counters.items() if name == "anchorwatch.decisions"}


def summed(heard: Heard) -> dict[str, int]:
    total: dict[str, int] = {}
    for summary in heard.summaries:
        for name, n in summary.tallies.items():
            if name.startswith("decision."):
                total[name] = total.get(name, 0) + n
    return total


def late_end(events: list[Event]) -> int:
    return events[-1].at_ms + 40_000


def test_each_decision_counts_once_and_what_comes_again_is_a_duplicate() -> None:
    events = decided(traffic(400))
    again = [e._replace(at_ms=e.at_ms + 5_000) for e in events if e.role == "decisions"][:50]

    heard = lending_drive().feed(in_order([*events, *again])).end(late_end(events))

    n = sum(e.role == "decisions" for e in events)
    assert told(heard) == {"joined": n, "duplicate": 50, "late": told(heard)["late"]}
    assert told(heard)["late"] < n / 10  # it is judged at the reference's p95


def test_a_decision_before_its_prediction_waits_for_it() -> None:
    events = decided(traffic(400), Habit(early_ms=3_000, silent=0))

    drive = lending_drive()
    for i in range(0, len(events), 20):
        drive.feed(events[i : i + 20])

    assert told(drive.end(late_end(events))) == {"early": 400, "joined": 400}


def test_of_two_decisions_the_first_is_read_and_a_late_one_is_told() -> None:
    """By hand: o-1 granted in time, o-2 too late for its judgement, which is at 1 s (the reference's p95 is below)."""
    events = traffic(2, rate=1)
    ids = [e.key.decode() for e in events if e.role == "predictions"]
    said = [decision(T0 + 100, ids[0], "grant"), decision(T0 + 200, ids[0], "refuse"), decision(T0 + 9_000, ids[1], "grant")]

    heard = lending_drive().feed(in_order([*events, *said])).end(T0 + 60_000)

    assert told(heard) == {"joined": 2, "duplicate": 1, "late": 1}


def test_what_meets_no_prediction_is_told_when_it_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (table, ingest_state):
        monkeypatch.setattr(module, "PAGE", 16)
    strangers = [decision(T0 + i, f"nobody-{i}", "grant") for i in range(32)]

    heard = lending_drive().feed(in_order([*traffic(200), *strangers])).end(T0 + 90_000)

    assert told(heard) == {"early": 32, "unmatched": 32}


def test_an_id_that_comes_again_after_it_was_final_is_decided_again() -> None:
    first, later = traffic(1)[:1], traffic(1, start_ms=T0 + 50_000, name="1")[:1]
    again = [later[0]._replace(key=first[0].key, value=later[0].value.replace(later[0].key, first[0].key))]
    pid = first[0].key.decode()
    events = [*first, decision(T0 + 100, pid, "grant"), *again, decision(T0 + 50_100, pid, "refuse")]

    heard = lending_drive().feed(events).end(T0 + 120_000)

    assert told(heard)["joined"] == 2


def test_a_model_without_a_word_of_decisions_reads_none() -> None:
    drive = lending_drive(lending(decisions=""))

    assert drive.topics.keys() == {"predictions", "outcomes"}
    assert not [key for key in drive.registry.latest()[0].layout.counts if key.startswith("decisions")]


def test_a_dead_letter_says_what_is_wrong_with_a_decision() -> None:
    events = [*traffic(20), Event("decisions", T0 + 5, b"o-1", b'{"prediction_id":"o-1","model":"loan"}')]

    heard = lending_drive().feed(in_order(events)).end(T0 + 20_000)

    assert [dict(record.headers)["anchorwatch.errors.path"] for record in heard.dead] == [b"$.action"]


def test_findings_and_totals_do_not_depend_on_deaths_or_tasks() -> None:
    events = decided(traffic(1_500), Habit(follow=0.2, early_ms=200))
    applied, end = applied_of(lending(), reference_to_json(lending_reference())), late_end(events)
    arrival = [events[i : i + 300] for i in range(0, len(events), 300)]
    never, often = run(applied, CLOCKWORK, arrival, end), run(applied, CLOCKWORK, arrival, end, frozenset(range(len(arrival))))
    four = Drive([applied], CLOCKWORK.__class__(**{**CLOCKWORK.__dict__, "tasks": 4})).feed(events).end(end)

    def impact(heard: Heard) -> list[object]:
        return [f for f in heard.findings if f.watch == "impact"]

    assert impact(never.heard)
    assert impact(never.heard) == impact(often.heard) == impact(four)
    n = sum(event.role == "decisions" for event in events)
    assert [summed(heard)["decision.joined"] for heard in (never.heard, often.heard, four)] == [n, n, n]


def test_state_of_decisions_is_swept_into_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (table, ingest_state):
        monkeypatch.setattr(module, "PAGE", 64)
    monkeypatch.setattr(ingest_state, "DELTAS_MIN", 4)
    monkeypatch.setattr(ingest_state, "SWEEP", 4)
    drive = ManyLives([applied_of(lending(), reference_to_json(lending_reference()))], CLOCKWORK)
    most = 0
    for i in range(45):
        drive.feed(decided(traffic(40, start_ms=T0 + i * 1_000, rate=100, seed=i)))
        most = max(most, len(drive.chunks[0]))
        if i % 7 == 0:
            drive.reborn()
    model = drive.ingests[0].models["prod/loan"]

    assert any(b"|decided:" in key for key in drive.chunks[0])
    assert most < 120
    assert model.reactions[DECIDED].table.first > 0
    assert model.reactions[DECIDED].table.early == 0
