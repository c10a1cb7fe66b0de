"""What is stuck ends the process, with its stacks; what lives is left alone."""

import subprocess
import sys
from pathlib import Path

from anchorwatch.engine.health import Watchdog

APP = Path(__file__).parents[2] / "app"


def test_a_loop_that_ticks_is_alive() -> None:
    watchdog = Watchdog(lambda: "")

    assert watchdog.alive()
    watchdog.ticked -= 11
    assert not watchdog.alive()


def test_what_is_stuck_ends_the_process_with_70_and_its_stacks() -> None:
    code = """
import threading
from anchorwatch.engine.health import Watchdog
Watchdog(lambda: "a transaction").start()
def main(): threading.Event().wait(20)
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(APP)}, capture_output=True, text=True, timeout=15, check=False
    )

    assert ended.returncode == 70
    assert "engine.stuck what=a transaction" in ended.stderr
    assert "in main" in ended.stderr
