"""What is shown and kept of a node's log; starting and losing nodes is in test_cluster.py."""

from pathlib import Path

import pytest

from anchorwatch.broker.node import LOG_BYTES_MAX, Guard, Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Of a Java that is never started."""
    guard = Guard(tmp_path / "none", remove=False)
    guard.end()
    return Node(tmp_path / "node1", 28199, ["java"], {"node.id": "1"}, guard)


def test_the_last_lines_leave_out_stack_frames_and_what_the_formatter_reports(node: Node) -> None:
    node.log.write_text("Bootstrap metadata: many\nFormatting metadata directory\nERROR it broke\n\tat a.b.C\n\tat a.b.D\ncaused by this\n")

    assert node.last_lines() == "ERROR it broke\ncaused by this"


def test_a_log_above_its_bound_begins_anew(node: Node) -> None:
    node.log.write_bytes(b"x" * LOG_BYTES_MAX)
    node.bound_log()
    assert node.log.stat().st_size == LOG_BYTES_MAX

    node.log.write_bytes(b"x" * (LOG_BYTES_MAX + 1))
    node.bound_log()
    assert node.log.stat().st_size == 0


def test_a_node_whose_guard_is_gone_does_not_run(node: Node) -> None:
    assert not node.is_running


def test_settings_are_written_as_properties(node: Node) -> None:
    assert (node.folder / "server.properties").read_text() == "node.id=1\n"
