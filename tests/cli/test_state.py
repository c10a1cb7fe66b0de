"""The operator's way out when offsets were reset: see what differs, adopt what the state says, or begin anew."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from anchorwatch import cli
from anchorwatch.engine.store import HEAD, Head

pytestmark = pytest.mark.kafka
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(kafka: Any, topic_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """`anchorwatch WORDS` on an installation of its own, its topics made: exit code and what it printed."""
    settings = tmp_path / "anchorwatch.yaml"
    settings.write_text(
        f"kafka: {{bootstrap.servers: '{kafka.bootstrap}'}}\nfallback_owner: crew\ncontracts: {tmp_path / 'none'}\n"
        f"topics: {{prefix: {topic_prefix}, partitions: 2, partitions_observations: 1, partitions_others: 1, replication: 1}}\n"
    )

    def run(*words: str) -> tuple[int, str]:
        code = cli.launch([*words, "--settings", str(settings)])
        return code, capsys.readouterr().out

    assert run("topics", "create")[0] == 0
    return run


def write_head(kafka: Any, group: str, task: int, head: Head) -> None:
    out = Producer({**kafka.client})
    out.produce(f"{group}-changelog", head.encode(), HEAD, task)
    assert out.flush(20) == 0


def test_a_new_installation_agrees_with_itself(run: Run) -> None:
    code, text = run("state", "show", "--json")

    assert code == 0
    assert [task["agrees"] for task in json.loads(text)["tasks"]] == [True, True]


def test_an_unknown_feed_is_named_with_the_known_ones(run: Run) -> None:
    assert run("state", "show", "cargo")[0] == 2


def test_state_without_its_offsets_is_seen_and_adopted(run: Run, kafka: Any, topic_prefix: str) -> None:
    head = Head("writer 7", {f"{topic_prefix}predictions": 0, f"{topic_prefix}outcomes": 0})
    write_head(kafka, f"{topic_prefix}ingest.default", 1, head)

    differs, said = run("state", "show"), run("state", "adopt")
    unchanged = run("state", "show")
    adopted, after = run("state", "adopt", "--yes"), run("state", "show")

    assert differs[0] == 1
    assert "✗ task 1" in differs[1]
    assert "would go on" in said[1]
    assert unchanged[0] == 1
    assert adopted[0] == 0
    assert after[0] == 0


def test_restart_forgets_the_state(run: Run, kafka: Any, topic_prefix: str) -> None:
    write_head(kafka, f"{topic_prefix}ingest.default", 0, Head("writer 3", {f"{topic_prefix}predictions": 0, f"{topic_prefix}outcomes": 0}))

    said = run("state", "restart")
    done = run("state", "restart", "--yes")
    after = json.loads(run("state", "show", "--json")[1])

    assert said[0] == done[0] == 0
    assert "would begin with empty state at its committed offsets: 1 tasks" in said[1]
    assert "predictions that wait for their outcome" in said[1]
    assert "nothing was changed; --yes does it" in said[1]
    assert [task["state"] for task in after["tasks"]] == [{}, {}]
