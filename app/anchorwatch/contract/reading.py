"""YAML to plain values, every scalar as written, with the line of each: no YAML 1.1 guesses, no duplicate keys, no bombs.

The tree holds dicts, lists, `Plain` (no quotes around it) and `str` (quoted). Built from PyYAML's events, not by its constructor: that
one turns `NO` to false, `010` to 8 and `12:30` to 750 before anybody can ask what was meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from anchorwatch.contract.values import NOTHING, Plain

BYTES_MAX = 262_144  # 512 features of one long line each are 50 kB
NODES_MAX = 20_000  # with what aliases stand for: no bomb of nested aliases
DEPTH_MAX = 20
PROBLEMS_MAX = 100  # of one file
Path = tuple[str | int, ...]


@dataclass
class Places:
    """Where each path of a tree was written; `at` in order of the document."""

    origin: str
    at: dict[Path, str] = field(default_factory=dict)
    _rank: dict[Path, int] = field(default_factory=dict)

    def where(self, path: Path) -> str:
        """`contracts/fraud.yaml:31`, of the nearest part of the path that was written."""
        return self.at.get(self._known(path), self.origin)

    def rank(self, path: Path) -> int:
        """For sorting in the order of the document."""
        if len(self._rank) != len(self.at):
            self._rank = {known: number for number, known in enumerate(self.at)}
        return self._rank.get(self._known(path), -1)

    def _known(self, path: Path) -> Path:
        return next((path[:n] for n in range(len(path), -1, -1) if path[:n] in self.at), ())


@dataclass
class Open:
    """A mapping or list whose end has not been read."""

    value: dict[str, Any] | list[Any]
    path: Path
    anchor: str | None
    nodes_before: int
    key: str | None = None  # of a mapping: read, its value is next
    skip: bool = False  # the next value belongs to a key that was refused


class Unreadable(Exception):
    """Reading cannot go on; holds the problem."""


@dataclass
class Reader:
    """One document. `problems` are complete sentences."""

    places: Places
    problems: list[str] = field(default_factory=list)
    tree: Any = None
    _stack: list[Open] = field(default_factory=list)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)  # finished nodes and how many nodes they stand for
    _nodes: int = 0
    _documents: int = 0

    def feed(self, event: yaml.Event) -> None:
        assert event.start_mark is not None, "events of PyYAML's own parser have marks"
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._begin(event, line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable(f"holds a second document; one a file ({self._spot(line)})")

    def _spot(self, line: int) -> str:
        return f"{self.places.origin}:{line}"

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > NODES_MAX:
            raise Unreadable(f"stands for more than {NODES_MAX:,} values; aliases (*name) count in full: write less ({self._spot(line)})")

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        self._count(1, line)
        plain = event.style is None and event.tag is None
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self.problems.append(f"tag {event.tag}: tags are not read; write the value alone ({self._spot(line)})")
        value = Plain(event.value) if plain else str(event.value)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None and not top.skip:
            self._key(top, value, line)
            return
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, line)

    def _key(self, top: Open, key: str, line: int) -> None:
        shown = shown_path((*top.path, str(key)))
        top.skip = True
        if isinstance(key, Plain) and key in NOTHING:
            self.problems.append(f'{shown}: means "nothing" in YAML as a key; quote it: "{key}" ({self._spot(line)})')
        elif isinstance(key, Plain) and key == "<<":
            self.problems.append(f"{shown}: merge keys are not read; repeat the values ({self._spot(line)})")
        elif key in top.value:
            self.problems.append(
                f"{shown}: written twice, first at line {self._line_of((*top.path, str(key)))}; keep one ({self._spot(line)})"
            )
        else:
            top.key, top.skip = str(key), False
            self.places.at[(*top.path, str(key))] = self._spot(line)

    def _line_of(self, path: Path) -> str:
        return self.places.where(path).rpartition(":")[2]

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        self._count(1, line)
        if len(self._stack) >= DEPTH_MAX:
            raise Unreadable(f"is nested more than {DEPTH_MAX} levels deep ({self._spot(line)})")
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self.problems.append(f"tag {event.tag}: tags are not read; write the value alone ({self._spot(line)})")
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None and not top.skip:
            raise Unreadable(f"{shown_path(top.path)}: a key must be text, not a list or mapping ({self._spot(line)})")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._put(value, line)
        self._stack.append(Open(value, path, event.anchor, self._nodes - 1))

    def _end(self) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._nodes - done.nodes_before)

    def _alias(self, event: yaml.AliasEvent, line: int) -> None:
        if event.anchor not in self._anchors:
            raise Unreadable(f"*{event.anchor}: no finished value has this name; write the value out ({self._spot(line)})")
        value, nodes = self._anchors[event.anchor]
        self._count(nodes, line)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None and not top.skip:
            raise Unreadable(f"*{event.anchor}: an alias cannot be a key; write the key out ({self._spot(line)})")
        self._put(value, line)

    def _put(self, value: Any, line: int) -> Path:
        if not self._stack:
            self.tree = value
            self.places.at[()] = self._spot(line)
            return ()
        top = self._stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            path: Path = (*top.path, len(top.value) - 1)
            self.places.at.setdefault(path, self._spot(line))
            return path
        path = (*top.path, top.key if top.key is not None else "?")
        if not top.skip and top.key is not None:
            top.value[top.key] = value
        top.key, top.skip = None, False
        return path


def read(text: str, origin: str) -> tuple[Any, Places, list[str]]:
    """The tree (None when there is none), where its parts stand, and what is wrong with it as YAML."""
    places = Places(origin)
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_MAX:
        return None, places, [f"has more than {BYTES_MAX // 1024} kB; split it ({origin})"]
    reader = Reader(places)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            reader.feed(event)
            if len(reader.problems) >= PROBLEMS_MAX:
                break
    except Unreadable as stop:
        return None, places, [*reader.problems, str(stop)]
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: an escape such as \UFFFFFFFF
        return None, places, [*reader.problems, _not_yaml(error, origin)]
    if reader.tree is None and not reader.problems:
        return None, places, [f"is empty ({origin})"]
    return reader.tree, places, reader.problems


def _not_yaml(error: Exception, origin: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).partition("\n")[0]
    hint = "; indent with spaces" if "\\t" in what else '; inside braces quote it: "${…}"' if what.endswith("but got '{'") else ""
    return f"is not YAML: {what}{hint} ({origin}{f':{mark.line + 1}' if mark else ''})"


def shown_path(path: Path) -> str:
    """`promises.latency.inference_p99`, `owner.escalation[0].to`, `features."x y".type`."""
    return "".join(_steps(path)).removeprefix(".") or "this file"


def _steps(path: Path) -> Iterator[str]:
    for step in path:
        if isinstance(step, int):
            yield f"[{step}]"
        else:
            simple = step and all(character.isalnum() or character in "_-./" for character in step)
            yield f".{step}" if simple else f'."{printable(step)}"'


def printable(text: str, limit: int = 80) -> str:
    """One line of at most `limit` characters that any terminal takes."""
    line = "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode() for character in text
    )
    return line if len(line) <= limit else line[: limit - 1] + "…"
