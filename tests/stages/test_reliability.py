"""Scores that mean something else: told, blanked while it lasts, and with a table that holds what came."""

from functools import cache

import numpy as np
from tests.stages.lives import run
from tests.stages.worlds import scored_applied, scored_traffic
from tests.traffic import CLOCKWORK, T0

from anchorwatch.runtime.drive import Drive, Heard

N = 6_000
SUBJECT = "calibration@late"


@cache
def moved() -> Heard:
    """Positives of odds 2.2 times as high at every score."""
    return Drive([scored_applied()], CLOCKWORK).feed(scored_traffic(N, T0, 3, shift=0.8)).end(T0 + 2 * N + 500)


def test_it_is_told_with_a_table_of_what_came_at_each_score() -> None:
    [told] = [f for f in moved().findings if f.subject == SUBJECT]
    [alert] = [a for a in moved().alerts if a.labels["subject"] == SUBJECT and a.sequence == 1]
    rows = alert.evidence["reliability"]

    assert (told.verdict, told.name, told.segment) == ("warning", "Miscalibrated", "whole")
    assert "more often" in told.summary
    assert sum(row[-1] for row in rows) == alert.evidence["n"]
    said, usual, came = (np.array([row[i] for row in rows], float) for i in range(3))
    assert np.abs(said - usual).mean() < 0.03
    assert 0.05 < (came - usual).mean() < 0.25


def test_estimates_by_scores_are_not_shown_while_it_is_open() -> None:
    opened = next(f.window[1] for f in moved().findings if f.subject == SUBJECT)
    before = [s for s in moved().summaries if s.at_ms < opened]
    after = [s for s in moved().summaries if s.at_ms > opened]

    assert before[-1].columns["estimate"][0] is not None
    assert "more than chance apart" in before[-1].reasons["last_days"]
    assert all(s.columns["estimate"][0] is None and s.columns["error_expected"][0] is None for s in after)
    assert after[-1].reasons["estimate"].startswith("not shown")
    assert after[-1].columns["error_corrected"][0] is not None, "what the labels say so far is still true"
    assert after[-1].reasons["calibration"].startswith("scores are off by 0.1")


def test_nothing_is_said_while_scores_mean_what_they_did() -> None:
    heard = Drive([scored_applied()], CLOCKWORK).feed(scored_traffic(N, T0, 4)).end(T0 + 2 * N + 500)

    assert not [f for f in heard.findings if f.subject == SUBJECT]
    assert heard.summaries[-1].columns["estimate"][0] is not None


def test_a_kill_after_every_few_batches_changes_nothing() -> None:
    events = scored_traffic(N, T0, 3, shift=0.8)
    batches = [events[i : i + 900] for i in range(0, len(events), 900)]
    lived = run(scored_applied(), CLOCKWORK, batches, T0 + 2 * N + 500, frozenset(range(0, len(batches), 4))).heard

    assert [(f.subject, f.verdict, f.window) for f in lived.findings] == [(f.subject, f.verdict, f.window) for f in moved().findings]
    assert lived.summaries[-1].columns == moved().summaries[-1].columns
    assert lived.summaries[-1].reasons == moved().summaries[-1].reasons
