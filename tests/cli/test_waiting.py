"""What whoever waits for a long command is told (cli/_waiting.py)."""

import pytest

from anchorwatch.cli._waiting import EVERY_S, Waiting


def test_short_work_says_nothing_and_long_work_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    say = Waiting("apply", lambda: now[0])
    for tenth in range(65):
        now[0] = tenth / 10
        say(f"step {tenth}")

    told = capsys.readouterr()
    assert EVERY_S == 2.0
    assert (told.out, told.err.splitlines()) == ("", ["apply: step 20", "apply: step 40", "apply: step 60"])
