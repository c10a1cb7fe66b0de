"""A process that ends with its parent."""

import os
import signal
import subprocess
import sys

SCRIPT = "import signal; from anchorwatch.runtime.demo.tied import follow; follow(0); print('up', flush=True); signal.pause()"


def start() -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_it_ends_in_order_when_the_other_end_of_the_pipe_is_closed() -> None:
    process = start()
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    process.stdin.close()

    assert process.wait(20) == -signal.SIGTERM


def test_what_is_written_into_the_pipe_does_not_end_it() -> None:
    process = start()
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    process.stdin.write(b"still there\n")
    process.stdin.flush()

    assert process.poll() is None
    process.kill()
    process.communicate(timeout=20)


def test_the_command_line_is_the_same_as_without_the_tie() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "anchorwatch.runtime.demo.tied", "--version"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.read().strip()
        assert process.wait(20) == 0
