"""What the state folder tells; start and stop are in tests/cli/test_broker.py."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from anchorwatch.broker import daemon
from anchorwatch.broker.daemon import NodeState, State


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    daemon.folder().mkdir(parents=True)
    return daemon.folder()


def test_a_machine_where_none_ever_ran_says_nothing(home: Path) -> None:
    assert (daemon.status(), daemon.stop(), daemon.last_words()) == (None, None, "")


def test_a_state_without_its_lock_is_of_one_that_was_killed(home: Path) -> None:
    """Its number may long be another program's: that is left alone."""
    state = State(os.getpid(), 0, None, None, "4", "127.0.0.1:1", [NodeState(1, 1, 1, running=True)])
    (home / "state.json").write_text(json.dumps(asdict(state)))
    (home / "lock").touch()

    assert (daemon.status(), daemon.stop()) == (None, None)
    assert daemon.last_words() == f"the last one, process {os.getpid()}, was killed"


@pytest.mark.parametrize("text", ["", "{}", '{"pid": 1, "nodes": [{"of": "another version"}]}'])
def test_a_state_that_cannot_be_read_is_none(home: Path, text: str) -> None:
    (home / "state.json").write_text(text)

    assert daemon.status() is None


def test_down_names_the_nodes_that_do_not_run() -> None:
    nodes = [NodeState(number, 9091 + number, number, running=number != 2) for number in (1, 2, 3)]

    assert State(1, 0, None, None, "4", "b", nodes).down == [2]
