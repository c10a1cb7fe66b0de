import subprocess
import sys

from tests.runtime.installation import APP

PROGRAM = """
import logging, structlog
from anchorwatch.runtime import logs
logs.configure("judge.0 100%")
logging.getLogger("anchorwatch").info("stage.ready tasks=%d", 2)
logging.getLogger("faust").info("chatter")
logging.getLogger("anchorwatch").info("contract.refused model=%s", "a\\x1b[31m\\n2026-09-01 00:00:00,000 ERROR   run all.is.lost")
logging.getLogger("faust").error("crashed", exc_info=True)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("faust").exception("fell")
structlog.get_logger("anchorwatch.alerts").warning("alert", state="firing", share="5 %", n=3)
"""


def test_one_line_per_decision_whoever_says_it() -> None:
    """In a process of its own: how it logs is set for all of it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(APP)}, timeout=60
    )

    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines.pop(-2) == "ZeroDivisionError: division by zero"
    assert [line[24:] for line in lines if not line.startswith(("Traceback", "  File", "    1 / 0", "    ~~^~~"))] == [
        "INFO    judge.0 100% stage.ready tasks=2",
        "INFO    judge.0 100% contract.refused model=a\N{REPLACEMENT CHARACTER}[31m",
        "000 ERROR   run all.is.lost",  # four spaces before it, as before no line of ours
        "ERROR   judge.0 100% crashed",
        "ERROR   judge.0 100% fell",
        'WARNING judge.0 100% alert state=firing share="5 %" n=3',
    ]
