"""Documents cannot lie: every command and setting is named in README.md, every example names a real command, every link leads somewhere."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import anchorwatch
from anchorwatch import cli

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def examples(text: str) -> Iterator[list[str]]:
    """The words of each command that a reader would type: lines after `$ ` in console blocks, all lines of sh and bash blocks."""
    for language, block in BLOCK.findall(text):
        if language not in {"console", "sh", "bash"}:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            typed = line.removeprefix("$ ") if line.startswith("$ ") else line if language != "console" else ""
            for part in re.split(r"\s(?:&&|\|\|?|;)\s", typed):
                if words := shlex.split(part, comments=True):
                    yield words


def problems(words: list[str]) -> list[str]:
    """What is wrong with `anchorwatch ...`: commands and options that do not exist."""
    command: Any = typer.main.get_command(cli.build(next((word for word in words if word in cli.names()), None)))
    options, found = options_of(command), []
    for word in words[1:]:
        if word.startswith("-"):
            if word.partition("=")[0] not in options:
                found.append(f"no option {word}")
        elif hasattr(command, "commands"):  # a group: the next word is a command of it
            if word not in command.commands:
                return [*found, f"no command {word}"]
            command = command.commands[word]
            options |= options_of(command)
    return found


def options_of(command: Any) -> set[str]:
    return {"--help", "-h"}.union(*(set(parameter.opts) | set(parameter.secondary_opts) for parameter in command.params))


def keys(schema: dict[str, Any], of: dict[str, Any] | None = None) -> Iterator[str]:
    """Dotted names of all settings in a JSON schema: the leaves, and tables whose names the user chooses."""
    node = schema if of is None else of
    options = [node, *node.get("anyOf", []), *node.get("allOf", [])]
    nodes = [schema["$defs"][option["$ref"].rpartition("/")[2]] if "$ref" in option else option for option in options]
    properties = {name: part for found in nodes for name, part in found.get("properties", {}).items()}
    if not properties and of is not None:
        yield ""
    for name, part in properties.items():
        yield from (f"{name}.{rest}".rstrip(".") for rest in keys(schema, part))


def test_every_command_is_in_the_readme() -> None:
    text = read("README.md")

    assert not [name for name in cli.names() if f"anchorwatch {name}" not in text and f"`{name}" not in text]


def test_every_setting_is_in_the_readme() -> None:
    from anchorwatch import config

    text = read("README.md")

    assert not [key for key in keys(config.json_schema()) if f"`{key}`" not in text]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_example_names_real_commands_and_options(name: str) -> None:
    wrong = [
        f"{shlex.join(words)}: {problem}" for words in examples(read(name)) if words[0] == "anchorwatch" for problem in problems(words)
    ]

    assert not wrong


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_script_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"scripts/[a-z]+", read(name)))

    assert not [script for script in named if not (ROOT / script).is_file()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_to_a_file(name: str) -> None:
    targets = [target for target in LINK.findall(read(name)) if "://" not in target and not target.startswith("mailto:")]

    assert not [target for target in targets if not (ROOT / target).exists()]


def test_the_python_example_of_a_detector_runs_and_says_what_it_should(capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: a fifth of errors against a line of a tenth."""
    blocks = [block for language, block in BLOCK.findall(read("README.md")) if language == "python" and "anchorwatch.estimators" in block]
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})

    assert len(blocks) == 1
    assert capsys.readouterr().out == "161 predictions ago the error rose, to 20%\n"


def test_the_readme_shows_the_two_commands_of_a_newcomer() -> None:
    typed = {words[0] for words in examples(read("README.md"))}

    assert {"./scripts/demo", "./scripts/test"} <= typed


def test_the_changelog_tells_of_this_version() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]

    assert project["version"] == anchorwatch.__version__
    assert re.search(rf"^## {re.escape(anchorwatch.__version__)}\b", read("CHANGELOG.md"), re.MULTILINE)


def test_a_wrong_example_is_found() -> None:
    """The check itself must bite."""
    text = "```console\n$ anchorwatch sail --fast\nheave ho\n$ anchorwatch --fast | head\n```\n"

    assert [problems(words) for words in examples(text) if words[0] == "anchorwatch"] == [["no command sail"], ["no option --fast"]]


def test_settings_are_named_by_dotted_keys() -> None:
    schema = {
        "properties": {
            "web": {"$ref": "#/$defs/Web"},
            "kafka": {"type": "object", "additionalProperties": True},
            "cut": {"type": "string"},
        },
        "$defs": {"Web": {"properties": {"host": {"type": "string"}, "port": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}},
    }

    assert list(keys(schema)) == ["web.host", "web.port", "kafka", "cut"]
