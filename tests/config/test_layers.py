# ruff: noqa: E501 (each case on one line, its sentence in full)
"""Flag over variable over file over default, each value with its origin; no secret in the file, none in an error."""

from pathlib import Path

import pytest

from anchorwatch.config.layers import Layers, text_of
from anchorwatch.errors import ConfigError

FILE = """\
kafka:
  bootstrap.servers: ${KAFKA:-localhost:9092}
  sasl.password: ${PASSWORD}
sinks:
  Pager: {kind: webhook, url: http://a/b, token: {file: token.txt}}
topics: {names: {dead-letters: dl}}
"""


def layers(content: str, env: dict[str, str] | None = None, base: Path | None = None) -> Layers:
    found = Layers(env or {}, base or Path())
    found.file(content, "f.yaml")
    found.variables()
    return found


def test_variables_in_the_file_are_replaced_and_said() -> None:
    found = layers("window: ${W:-10s}\nkafka: {bootstrap.servers: 'a-${HOST}:${PORT}', client.id: '$${x}'}\n", {"HOST": "k", "PORT": "1"})

    assert found.problems == []
    assert found.tree == {"window": "10s", "kafka": {"bootstrap.servers": "a-k:1", "client.id": "${x}"}}
    assert found.places.where(("window",)) == "f.yaml:1 ${W:-10s}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("window: ${W}", "window: variable W is not set; set it, or write ${W:-default} (f.yaml:1)"),
        ("window: ${W-3s}", "window: ${W-3s} is not understood; write ${NAME} or ${NAME:-default}; for the text itself $${ (f.yaml:1)"),
        ("kafka: {sasl.password: hunter2}", "kafka.sasl.password: a secret does not stand in this file; write ${VARIABLE}, or {file: /path/to/it} (f.yaml:1)"),
        ("kafka: {sasl.password: '${P:-hunter2}'}", "kafka.sasl.password: a secret does not stand in this file, not as a default either; write ${P} (f.yaml:1)"),
        ("kafka: {sasl.password: '${P}'}", "kafka.sasl.password: variable P is not set; set it (f.yaml:1)"),
        ("sinks: {a: {token: {file: /nowhere/x}}}", "sinks.a.token: cannot read /nowhere/x: No such file or directory; make it readable for this user (f.yaml:1)"),
        ("- 1", "must hold keys and values, as kafka: {bootstrap.servers: …} (f.yaml)"),
        ("kafka: {bootstrap.servers: ${K}}", "is not YAML: expected ',' or '}', but got '{'; inside braces quote it: \"${…}\" (f.yaml:1)"),
        ("a: [", "is not YAML: expected the node content, but found '<stream end>' (f.yaml:1)"),
    ],
)  # fmt: skip
def test_what_cannot_be_filled_in_is_told_without_the_secret(content: str, problem: str) -> None:
    found = layers(content)

    assert found.problems[0] == problem
    assert "hunter2" not in "".join(found.problems)


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("s3cret: [x\n")
    found = layers(FILE, {"PASSWORD": "{pw: 1}"}, tmp_path)

    assert found.problems == []
    assert found.tree["kafka"]["sasl.password"] == "{pw: 1}"
    assert found.tree["sinks"]["Pager"]["token"] == "s3cret: [x"
    assert found.places.where(("sinks", "Pager", "token")).endswith("token.txt)")


def test_a_variable_names_its_key_with_two_underscores_for_each_step(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("x")
    env = {
        "PASSWORD": "p",
        "ANCHORWATCH__KAFKA__SASL_PASSWORD": "q",
        "ANCHORWATCH__GROUP__FETCH_WAIT_MAX_MS": "50",
        "ANCHORWATCH__SINKS__PAGER__TIMEOUT": "3s",
        "ANCHORWATCH__SINKS__NEW__KIND": "log",
        "ANCHORWATCH__TOPICS__NAMES__DEAD_LETTERS": "dead",
        "ANCHORWATCH__TOPICS__NAMES__ALERTS_STATE": "al",
        "ANCHORWATCH__JOIN__PENDING__MAX": "1GB",
        "ANCHORWATCH__ROUTES__NIGHT__SINKS": "[new, Pager]",
        "ANCHORWATCH__WINDOW": "",
        "ANCHORWATCH_DATA": "not ours",
    }
    found = layers(FILE, env, tmp_path)

    assert found.problems == []
    assert found.tree["kafka"]["sasl.password"] == "q"
    assert found.tree["group"] == {"fetch.wait.max.ms": "50"}
    assert found.tree["sinks"]["Pager"]["timeout"] == "3s"
    assert found.tree["sinks"]["new"] == {"kind": "log"}
    assert found.tree["topics"]["names"] == {"dead-letters": "dead", "alerts.state": "al"}
    assert found.tree["join"] == {"pending": {"max": "1GB"}}
    assert found.tree["routes"] == {"night": {"sinks": ["new", "Pager"]}}
    assert "window" not in found.tree
    assert found.places.where(("kafka", "sasl.password")) == "$ANCHORWATCH__KAFKA__SASL_PASSWORD"


def test_a_flag_wins_over_all() -> None:
    found = layers("window: 1s\n", {"ANCHORWATCH__WINDOW": "2s"})
    found.flags({"window": "3s", "kafka.bootstrap.servers": "k:1", "topics.names.alerts.state": "al", "sinks.a.kind": "log"})

    assert found.tree == {
        "window": "3s",
        "kafka": {"bootstrap.servers": "k:1"},
        "topics": {"names": {"alerts.state": "al"}},
        "sinks": {"a": {"kind": "log"}},
    }
    assert found.places.where(("window",)) == "command line"


def test_a_place_that_holds_something_else_in_the_file_stays_for_its_own_error() -> None:
    assert layers("kafka: oops\n", {"ANCHORWATCH__KAFKA__BOOTSTRAP_SERVERS": "x"}).tree == {"kafka": "oops"}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"a: 1\nb: \xe4\n")
    (tmp_path / "large").write_bytes(b"#" * 300_000)
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert text_of(tmp_path / "bom", "settings") == "a: 1\n"
    with pytest.raises(ConfigError, match=r"is not UTF-8 \(.*latin:2\); save it as UTF-8"):
        text_of(tmp_path / "latin", "settings")
    with pytest.raises(ConfigError, match="has more than 256 kB"):
        text_of(tmp_path / "large", "settings")
    with pytest.raises(ConfigError, match=r"cannot read settings .*: Is a directory; check its path and rights"):
        text_of(tmp_path, "settings")
