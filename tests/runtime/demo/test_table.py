"""What the audience sees."""

import doctest
import io
from typing import Any

import pytest
from rich.console import Console

from anchorwatch.runtime.demo import table
from anchorwatch.runtime.demo.acts import Played, acts, hear
from anchorwatch.runtime.demo.table import Screen, View, acts_table, live, mark, result, state_line


@pytest.fixture
def view(evening: Any) -> View:
    """While the third act is on."""
    played = []
    for act, began in zip(acts(), evening.began, strict=False):
        one = Played(act, began, seconds=2.5, events=318)
        hear(one, [alert for alert in evening.alerts if alert.at_ms > began])
        played.append(one)
    state = {alert.dedup_key: alert for alert in evening.alerts}
    still = [alert for alert in state.values() if alert.state != "resolved"]
    return View(600, "act 3", 20_000, evening.summaries[-8], still, acts(), played)


def text(part: Any, **how: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=120, **how).print(part)
    return out.getvalue()


def test_the_examples_of_the_file_are_true() -> None:
    assert doctest.testmod(table).failed == 0


def test_the_live_view_shows_segments_alerts_with_owner_and_acts(view: View) -> None:
    seen = text(live(view))

    for words in ("loan alive", "region=islands", "▲ QualityDrop", "lending-risk", "field renamed upstream", "318 events / 2.5 s"):
        assert words in seen, words
    for none in ("nan", "None", "\x1b["):
        assert none not in seen


def test_an_act_in_one_sentence(view: View) -> None:
    assert result(view.played[1]) == (
        "caught after 318 predictions of region=west / 2.5 s, by LatencyOverPromise on region=west, for group:default/lending-risk"
    )
    assert "InputRenamed elevel -> education_level" in result(view.played[0])


def test_an_act_that_was_missed_says_what_was_expected_and_heard() -> None:
    missed = Played(acts()[1], 0, 1, instead=["InputMissing on whole"])

    assert result(missed) == ("NOT caught: expected LatencyOverPromise, headline region=west; heard instead: InputMissing on whole")
    assert "not caught" in text(acts_table(acts(), [missed]))


def test_the_whole_in_one_line(view: View) -> None:
    line = state_line(view)

    assert line.startswith("loan alive  20,000 predictions  right ")
    assert " p99 " in line


def test_before_the_first_summary_the_line_says_what_is_waited_for() -> None:
    assert state_line(View(600, "the stages start")) == "0 predictions sent; the stages start"


def test_a_segment_without_alerts_is_marked_calm() -> None:
    assert mark([]).plain == "●"


def test_without_a_terminal_nothing_is_redrawn(view: View) -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, width=110))
    for _ in range(50):
        screen.show(view)
    screen.say("done")

    assert out.getvalue() == "done\n"


def test_in_a_terminal_the_picture_is_gone_at_the_end_and_what_was_said_stays(view: View) -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, width=110, force_terminal=True, no_color=True))
    screen.show(view)
    screen.say("act 1 was heard")
    screen.close()

    assert "act 1 was heard" in out.getvalue()
    assert "\x1b[2K" in out.getvalue()  # erased line by line
