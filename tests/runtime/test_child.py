import asyncio
import os
import signal
from collections.abc import Callable

import pytest
from tests.runtime.installation import Installation

from anchorwatch.config import Settings, load
from anchorwatch.runtime.child import Child, pause
from anchorwatch.runtime.job import of_settings


async def until(done: Callable[[], object], patience: float = 60) -> None:
    async with asyncio.timeout(patience):
        while not done():  # noqa: ASYNC110 (no event says so)
            await asyncio.sleep(0.02)


def judge(there: Installation) -> Child:
    settings: Settings = load(there.folder / "anchorwatch.yaml", {})
    return Child(of_settings(settings, [], None))


@pytest.mark.expects_errors
def test_a_process_whose_topics_are_missing_waits_for_a_person_and_runs_when_told_so(installation: Callable[..., Installation]) -> None:
    there = installation()

    async def life() -> list[object]:
        child = judge(there)
        running = asyncio.create_task(child.run())
        await until(lambda: child.state == "needs a person")
        told = child.told()
        there.create()
        child.try_again()
        await until(lambda: child.state == "ready")
        snapshot = await child.metrics()
        child.stop()
        await asyncio.wait_for(running, 10)
        return [told["reason"], told["process"], told["restarts"], snapshot["worker"], child.state]

    reason, process, restarts, worker, state = asyncio.run(life())

    assert "`anchorwatch topics create` makes what is missing" in str(reason)
    assert (process, restarts, worker, state) == (None, 0, "judge.0", "stopped")


@pytest.mark.expects_errors
def test_a_process_that_waits_for_a_person_looks_by_itself_whether_one_acted(
    installation: Callable[..., Installation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anchorwatch.runtime.child.LOOK_AGAIN_S", 0.5)
    there = installation()

    async def life() -> str:
        child = judge(there)
        running = asyncio.create_task(child.run())
        await until(lambda: child.state == "needs a person")
        there.create()
        await until(lambda: child.state == "ready")
        child.stop()
        await asyncio.wait_for(running, 10)
        return child.state

    assert asyncio.run(life()) == "stopped"


def test_who_ends_again_and_again_waits_longer_and_longer() -> None:
    """Unless it was asked to leave, or had been well for a minute."""
    crashes, waits = [0.0], []
    for code, steady_s in [(70, 0.0)] * 7 + [(0, 0.0), (-9, 0.0), (-15, 0.0), (70, 0.0), (70, 61.0), (70, 0.0)]:
        crashes.append(pause(crashes[-1], code, steady_s))
        waits.append(crashes[-1])

    assert waits == [1, 2, 4, 8, 16, 30, 30, 1, 2, 1, 2, 1, 2]


@pytest.mark.slow  # test_supervise.py kills processes too
def test_a_killed_process_is_started_again_after_a_moment(installation: Callable[..., Installation]) -> None:
    there = installation()
    there.create()

    async def life() -> tuple[int | None, int | None, int]:
        child = judge(there)
        running = asyncio.create_task(child.run())
        await until(lambda: child.state in ("starting", "ready") and child.status)
        first = child.pid
        assert first
        os.kill(first, signal.SIGKILL)
        await until(lambda: child.state == "waits")
        reason = child.reason
        await until(lambda: child.restarts == 1 and child.status)
        second = child.pid
        child.stop()
        await asyncio.wait_for(running, 10)
        assert reason == "ended by signal 9"
        return first, second, child.restarts

    first, second, restarts = asyncio.run(life())

    assert first != second
    assert restarts == 1
