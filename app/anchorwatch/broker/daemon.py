"""A broker that outlives the shell: one for each user, known by a state file and a lock under the user's state folder.

The lock tells whether it runs: the system frees it however the daemon ends, and no number of a process is trusted without it.
`python -m anchorwatch.broker.daemon OPTIONS` is the daemon; it tells whoever started it, in lines of JSON, how far it is.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from platformdirs import user_state_path

from anchorwatch.broker.failures import AlreadyRuns, BrokerError, NodeFailed

CHECK_S = 1.0  # between two looks at the nodes
STOP_S_MAX = 45.0  # above: SIGKILL, and the guard ends the nodes; three nodes that keep their data take 6 s
LOCK_S_MAX = 1.0  # `status` holds the lock for a moment
PACKAGE = Path(__file__).parents[2]  # a daemon started in another folder finds the same Anchorwatch


@dataclass(frozen=True)
class Wish:
    """What `broker start` was asked for. data: an absolute path, or none and the data go at the end."""

    nodes: int = 1
    port: int = 9092
    data: str | None = None


@dataclass(frozen=True)
class NodeState:
    node: int
    port: int
    pid: int | None
    running: bool


@dataclass(frozen=True)
class State:
    """What `broker status` knows. bootstrap is empty while it starts; since_ms: Unix time; log: of a detached one."""

    pid: int
    since_ms: int
    data: str | None
    log: str | None
    version: str
    bootstrap: str = ""
    nodes: list[NodeState] = field(default_factory=list)

    @property
    def down(self) -> list[int]:
        return [one.node for one in self.nodes if not one.running]


def folder() -> Path:
    return user_state_path("anchorwatch") / "broker"


def log_path() -> Path:
    return folder() / "broker.log"


# --- for the command line ---------------------------------------------------------------------------------


def status() -> State | None:
    """None when none runs. A node runs when its port answers."""
    if (state := _running()) is None:
        return None
    return replace(state, nodes=[replace(node, running=_answers(node.port)) for node in state.nodes])


def last_words() -> str:
    """Of the last one, when it did not end in order; for a person."""
    if _is_locked():
        return ""
    if state := _state():
        return f"the last one, process {state.pid}, was killed"
    log = log_path()
    return log.read_text("utf-8", errors="replace").strip() if log.exists() else ""


def start(wish: Wish, say: Callable[[str], None] = lambda _: None) -> State:
    """Returns when it is ready to be used, or raises what kept it from that."""
    folder().mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "anchorwatch.broker.daemon", json.dumps(asdict(wish))]
    paths = [str(PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with log_path().open("ab") as log:  # the guard writes there, too
        daemon = subprocess.Popen(
            command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    try:
        return _hear(daemon, say)
    except BaseException:  # Ctrl-C too
        daemon.terminate()
        daemon.wait()
        raise


def stop() -> State | None:
    """The state of the broker that was stopped; None when none ran. In order, and if that takes too long, by force."""
    if (state := _running()) is None:
        return None
    for signal_, seconds in ((signal.SIGTERM, STOP_S_MAX), (signal.SIGKILL, STOP_S_MAX)):
        with suppress(ProcessLookupError):
            os.kill(state.pid, signal_)
        deadline = time.monotonic() + seconds
        while _is_locked():
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return state
    raise NodeFailed(f"The broker's process {state.pid} does not end. Look at {state.log}, then end it by `kill -9 {state.pid}`.")


def _hear(daemon: "subprocess.Popen[bytes]", say: Callable[[str], None]) -> State:
    assert daemon.stdout, "opened as a pipe"
    with daemon.stdout:
        for line in daemon.stdout:
            heard: dict[str, Any] = json.loads(line)
            if "said" in heard:
                say(heard["said"])
            elif "error" in heard:
                raise _named(heard["kind"])(heard["error"])
            else:
                return _read(heard["ready"])
    raise NodeFailed(f"The broker's process ended before it was ready. Read {log_path()}, or use --foreground to watch it.")


def _named(kind: str) -> type[BrokerError]:
    return {one.__name__: one for one in BrokerError.__subclasses__()}.get(kind, BrokerError)


# --- the process that holds the broker --------------------------------------------------------------------


def serve(wish: Wish, say: Callable[[str], None], ready: Callable[[State], None], log: Path | None = None) -> None:
    """Until SIGTERM, SIGINT or the loss of the last node, which raises NodeFailed. For the main thread: it takes signals."""
    from anchorwatch.broker.cluster import Broker
    from anchorwatch.broker.jars import kafka_version

    with _locked(), _ending_by_signal() as ended:
        state = State(os.getpid(), int(time.time() * 1000), wish.data, str(log) if log else None, kafka_version())
        log_path().write_bytes(b"")  # of the one before
        _write(state)
        data = Path(wish.data) if wish.data else None
        try:
            with Broker(wish.nodes, port=wish.port, data=data, say=say) as broker:
                nodes = [NodeState(number, node.port, node.pid, running=True) for number, node in enumerate(broker.nodes, 1)]
                state = replace(state, bootstrap=broker.bootstrap, nodes=nodes)
                _write(state)
                ready(state)
                while not ended.wait(CHECK_S):
                    broker.check()
        except KeyboardInterrupt:  # by a signal, before it was ready
            return
        finally:
            (folder() / "state.json").unlink(missing_ok=True)


def main(wish: Wish) -> int:
    """The detached daemon. Its standard error is broker.log, where it also says why it ended after it was ready."""
    is_ready = False

    def tell(**line: object) -> None:
        with suppress(BrokenPipeError):  # whoever started us has gone
            os.write(1, json.dumps(line).encode() + b"\n")

    def ready(state: State) -> None:
        nonlocal is_ready
        is_ready = True
        tell(ready=asdict(state))
        os.dup2(2, 1)

    try:
        serve(wish, lambda text: tell(said=text), ready, log_path())
    except BrokerError as error:
        if is_ready:
            sys.stderr.write(f"{error}\n")
        else:
            tell(error=str(error), kind=type(error).__name__)
        return error.exit_code
    return 0


@contextmanager
def _locked() -> Iterator[None]:
    folder().mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + LOCK_S_MAX
    with (folder() / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    running = _state()
                    where = f" at {running.bootstrap}" if running and running.bootstrap else ""
                    raise AlreadyRuns(f"A broker runs already{where}. Use it, or end it by `anchorwatch broker stop`.") from None
                time.sleep(0.05)
        yield


@contextmanager
def _ending_by_signal() -> Iterator[Event]:
    """Before the wait, while the broker starts, a signal is Ctrl-C; once it stops, a second signal changes nothing."""
    ended = Event()

    def end(*_: object) -> None:
        if not ended.is_set():
            ended.set()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _running() -> State | None:
    deadline = time.monotonic() + LOCK_S_MAX
    while _is_locked():  # it writes its state in the next moment
        if (state := _state()) or time.monotonic() > deadline:
            return state
        time.sleep(0.05)
    return None


def _is_locked() -> bool:
    try:
        with (folder() / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _write(state: State) -> None:
    """Whole or not at all."""
    new = folder() / "state.json.new"
    new.write_text(json.dumps(asdict(state)), "utf-8")
    new.replace(folder() / "state.json")


def _state() -> State | None:
    try:
        return _read(json.loads((folder() / "state.json").read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError, KeyError):  # of another version of Anchorwatch
        return None


def _read(plain: dict[str, Any]) -> State:
    return State(**{**plain, "nodes": [NodeState(**node) for node in plain["nodes"]]})


if __name__ == "__main__":
    sys.exit(main(Wish(**json.loads(sys.argv[1]))))
