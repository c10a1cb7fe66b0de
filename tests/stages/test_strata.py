"""Hidden truth through both stages: each stratum by its own line, no missing labels where none are due, and one number of both for people."""

from functools import cache

import pytest
from tests.stages.lives import run
from tests.stages.worlds import HIDDEN, hidden_applied, hidden_traffic
from tests.traffic import CLOCKWORK, T0

from anchorwatch.runtime.drive import Drive, Heard

N = 4_000
END = T0 + 2 * N + 10_000


@cache
def heard(wrong_no: float = 0.05, wrong_yes: float = 0.2, explored: float = 0.2, text: str = HIDDEN) -> Heard:
    events = hidden_traffic(N, T0, 3, wrong_no=wrong_no, wrong_yes=wrong_yes, explored=explored)
    return Drive([hidden_applied(text)], CLOCKWORK).feed(events).end(END)


def subjects(of: Heard) -> set[str]:
    return {f.subject for f in of.findings if f.watch in ("quality", "labels") and f.segment == "whole" and f.verdict != "quiet"}


def test_hidden_answers_are_no_missing_labels() -> None:
    """Three tenths of all predictions never get a label: where it is said why, none is counted as missing; else each is."""
    missing = {}
    for text in (HIDDEN, HIDDEN.replace("hidden_when: {prediction: 'yes'}, ", "")):
        drive = Drive([hidden_applied(text)], CLOCKWORK).feed(hidden_traffic(1_000, T0, 3))
        drive.end(T0 + 6_000)
        missing[text == HIDDEN] = drive.ingests[0].models["prod/loan"].squeeze(0)[0]

    assert subjects(heard()) == set()
    assert missing[True] == 0
    assert 200 < missing[False] < 400


def test_two_strata_joined_give_the_accuracy_of_all_answers() -> None:
    """.6 x .95 + .4 x .8 = .89; what is visible alone says .95."""
    at = max((s for s in heard().summaries if s.columns["quality"][0] is not None), key=lambda s: s.at_ms)
    value, low, high = (at.columns[name][0] for name in ("quality", "quality_low", "quality_high"))

    assert value == pytest.approx(0.89, abs=0.02)
    assert low is not None
    assert high is not None
    assert low < 0.89 < high
    assert "explored and stand for all" in at.reasons["hidden"]


def test_a_fault_of_what_is_hidden_is_heard_by_what_was_explored() -> None:
    found = heard(wrong_yes=0.5)

    assert subjects(found) == {"explored.error@late"}
    [told] = [f for f in found.findings if f.subject == "explored.error@late" and f.verdict == "page"]
    assert "that were explored, since their truth is hidden else" in told.summary


def test_a_fault_of_what_is_visible_is_heard_there_alone() -> None:
    assert {subject.partition("@")[0] for subject in subjects(heard(wrong_no=0.2))} == {"error"}


def test_without_enough_exploration_there_is_no_number_of_all_answers() -> None:
    """What is visible is judged all the same; what is hidden cannot be, and that is said."""
    found = heard(explored=0.0)
    last = [s for s in found.summaries if "hidden" in s.reasons][-1]

    assert last.columns["quality"][0] is None
    assert last.reasons["hidden"].endswith("30 are needed, so there is no number of all answers")


def test_kills_change_nothing() -> None:
    events = hidden_traffic(N, T0, 3, wrong_yes=0.5)
    batches = [events[i : i + 900] for i in range(0, len(events), 900)]
    lived = run(hidden_applied(), CLOCKWORK, batches, END, frozenset(range(0, len(batches), 3))).heard

    assert [(f.subject, f.window, f.n) for f in lived.findings] == [(f.subject, f.window, f.n) for f in heard(wrong_yes=0.5).findings]
    assert [s.columns for s in lived.summaries] == [s.columns for s in heard(wrong_yes=0.5).summaries]
