"""How a worker ends: by a signal, by its agent's fault, by a person's."""

import signal

import pytest
from tests.engine.chain import Chain, until

from anchorwatch.engine.app import exit_code
from anchorwatch.errors import OurError, StateRefused, Unreachable


def test_a_worker_leaves_with_the_exit_code_of_what_ended_it() -> None:
    assert [exit_code(e) for e in (StateRefused("x"), Unreachable("x"), OurError("x"), ValueError("x"))] == [2, 3, 70, 70]


def test_sigterm_ends_a_worker_with_a_last_cut_and_exit_0(chain: Chain) -> None:
    """The cut interval is ten minutes, so all that was counted was counted by last cuts."""
    chain.feed(1000)
    for stage in ("join", "total"):
        worker = chain.start(stage, cut=600)
        worker.until(lambda w=worker: w.status.get("ready") and all(n > 0 for t in w.status["tasks"].values() for n in t.values()))  # type: ignore[misc]
        if stage == "join":
            assert chain.load
            chain.load.end()
            fed = sum(chain.load.fed.values())  # by places, not by lag: a status from before the last record says 0, too
            worker.until(lambda w=worker, n=fed: sum(at for t in w.status["tasks"].values() for at in t.values()) >= n)  # type: ignore[misc]
        took = chain.end(worker, signal.SIGTERM)

        assert (worker.exits, took < 5) == ([0], True), worker.said()
    found, expected = chain.counted(5)

    assert found == expected


def test_sigterm_right_after_the_start_is_answered_within_ten_seconds(chain: Chain) -> None:
    """Before the handlers stand it is plain death, which harms nothing."""
    worker = chain.start("join")
    until(lambda: "Starting" in worker.said())
    took = chain.end(worker, signal.SIGTERM)

    assert took < 10
    assert worker.exits == [0], worker.said()


@pytest.mark.parametrize(
    ("flaw", "seconds"),
    [
        ("raise", 10),
        pytest.param("return", 10, marks=pytest.mark.slow),
        pytest.param("hang", 60, marks=pytest.mark.slow),
        pytest.param("spin", 75, marks=pytest.mark.slow),
    ],
)
def test_an_agent_that_fails_ends_its_worker_with_70_and_no_half_batch_counts(chain: Chain, flaw: str, seconds: float) -> None:
    chain.feed(500)
    worker = chain.start("join", flaw=flaw)
    chain.start("total")
    worker.until(lambda: worker.cuts >= 2)
    worker.until(lambda: worker.exits, seconds)
    worker.until(lambda: worker.cuts >= 1)
    found, expected = chain.counted()

    assert worker.exits == [70]
    assert found == expected


def test_an_unknown_setting_ends_a_worker_with_2(chain: Chain) -> None:
    worker = chain.start("join", again=False, kafka={**chain.client, "no.such.setting": "1"})
    worker.until(lambda: worker.exits)

    assert worker.exits == [2]
    assert "no.such.setting" in worker.said()
