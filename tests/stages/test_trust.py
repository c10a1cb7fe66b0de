import pytest
from tests.deciding import Habit, decided, lending, lending_drive
from tests.traffic import T0, traffic

from anchorwatch.stages.trust import shares, told


def test_shares_follow_the_segments() -> None:
    drive = lending_drive()
    drive.feed(decided(traffic(6_000), Habit(of={"asia": 0.1}, silent=0.0))).end(T0 + 14_000)
    recent = drive.judge.models["prod/loan"].recent

    found = shares(recent)

    assert found is not None
    rows = recent.layout.rows
    assert found[rows["region=asia"]][0] == pytest.approx(0.1, abs=0.04)
    assert found[rows["region=eu"]][0] == pytest.approx(0.8, abs=0.04)
    assert found[rows["region=eu"]][1] == pytest.approx(0.05, abs=0.02)  # after the p95 of the delays


def test_a_watch_that_is_switched_off_says_nothing() -> None:
    drive = lending_drive(lending(watches='{impact: {disabled: "in March", until: 2099-01-01}}'))
    drive.feed(decided(traffic(600))).end(T0 + 14_000)
    judge = drive.judge.models["prod/loan"]

    assert shares(judge.recent) is None
    assert told(judge.layout, judge.recent) == {}
