"""A program at the end of a pipe, as a stage's process is."""

import json
import subprocess
import sys

import msgspec
from tests.runtime.installation import APP

from anchorwatch.config import load
from anchorwatch.runtime.job import of_settings

PROGRAM = """
import signal
from anchorwatch.runtime.link import Link
link = Link()
job = link.job()
print("noise")
link.serve(lambda: {"name": job.name}, lambda: {"big": "x" * 200_000})
signal.pause()
"""
SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092"})


def test_a_stage_reports_answers_and_leaves_when_its_supervisor_is_gone() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": str(APP)},
    )
    assert program.stdin
    assert program.stdout
    program.stdin.write(msgspec.json.encode(of_settings(SETTINGS, [], None)) + b"\nmetrics\n")
    program.stdin.flush()
    lines = sorted((json.loads(program.stdout.readline()) for _ in range(2)), key=lambda line: "status" in line)
    program.stdin.close()
    code = program.wait(20)
    program.stdout.close()

    assert lines == [{"metrics": {"big": "x" * 200_000}}, {"status": {"name": "judge"}}]
    assert code == -15  # SIGTERM, which an engine takes as the order to make its last cut
