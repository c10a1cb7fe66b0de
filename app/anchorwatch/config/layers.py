"""Flag over variable over file over default: four layers become one tree in which every value knows where it was set."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from anchorwatch.config.model import TOPICS, Settings
from anchorwatch.config.secrets import is_hidden, is_secret
from anchorwatch.contract.faults import model_at
from anchorwatch.contract.reading import BYTES_MAX, Path, Places, printable, read, shown_path
from anchorwatch.contract.values import Plain
from anchorwatch.errors import ConfigError

PREFIX = "ANCHORWATCH__"
VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
SECRET_BYTES_MAX = 65_536
FREE = ("kafka", "group")  # keys of others, with dots in them


@dataclass
class Layers:
    """The tree so far. `problems`: complete sentences."""

    env: Mapping[str, str]
    base: File  # relative paths of the file start here
    places: Places = field(default_factory=lambda: Places("settings"))
    tree: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    troubled: set[Path] = field(default_factory=set)  # paths that have their problem already

    def file(self, content: str, origin: str) -> None:
        found, self.places, problems = read(content, origin)
        self.problems += problems
        if isinstance(found, dict):
            self.tree = {key: self._filled(value, (key,)) for key, value in found.items()}
        elif found is not None:
            self.problems.append(f"must hold keys and values, as kafka: {{bootstrap.servers: …}} ({origin})")

    def variables(self) -> None:
        """An empty variable counts as none: compose files pass those."""
        for name in sorted(self.env):
            if name.startswith(PREFIX) and self.env[name] != "":
                path = self._path_of(name.removeprefix(PREFIX).lower().split("__"))
                self._set(path, self._parsed(path, self.env[name], f"${name}"), f"${name}")

    def flags(self, overrides: Mapping[str, str]) -> None:
        """Dotted paths, as `kafka.bootstrap.servers`."""
        for dotted, value in overrides.items():
            head, _, rest = dotted.partition(".")
            if head in FREE and rest:
                path: Path = (head, rest)
            elif dotted.startswith("topics.names."):
                path = ("topics", "names", dotted.removeprefix("topics.names."))
            else:
                path = tuple(dotted.split("."))
            self._set(path, self._parsed(path, value, "command line"), "command line")

    def _parsed(self, path: Path, value: str, origin: str) -> Any:
        """Lists and mappings as YAML in one line; all else as written."""
        if value[:1] in ("[", "{") and not is_hidden(path):
            found, _, problems = read(value, origin)
            self.problems += problems
            return found
        return str(value) if is_hidden(path) else Plain(value)

    def _set(self, path: Path, value: Any, origin: str) -> None:
        at = self.tree
        for step in path[:-1]:
            inner = at.setdefault(str(step), {})
            if not isinstance(inner, dict):
                return  # what the file says there is a fault of its own, and is told
            at = inner
        at[str(path[-1])] = value
        for known in [known for known in self.places.at if known[: len(path)] == path]:
            del self.places.at[known]
        self.places.at[path] = origin

    def _path_of(self, words: list[str]) -> Path:
        """`["kafka", "bootstrap_servers"]` -> `("kafka", "bootstrap.servers")`; names of routes, sinks, topics as the file has them."""
        if words[0] in FREE and len(words) > 1:
            return (words[0], "__".join(words[1:]).replace("_", "."))
        path: list[str] = []
        for word in words:
            at = model_at(Settings, tuple(path))
            known = TOPICS if path == ["topics", "names"] else () if at else self._names_at(path)
            path.append(next((name for name in known if _alike(name) == _alike(word)), word))
        return tuple(path)

    def _names_at(self, path: list[str]) -> tuple[str, ...]:
        at: Any = self.tree
        for step in path:
            at = at.get(step, {}) if isinstance(at, dict) else {}
        return tuple(at) if isinstance(at, dict) else ()

    def _filled(self, value: Any, path: Path) -> Any:
        """`${VAR}`, `${VAR:-default}` replaced, `{file: …}` of a secret read."""
        if isinstance(value, dict):
            if is_secret(path) and set(value) == {"file"}:
                return self._from_file(str(value["file"]), path)
            return {key: self._filled(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, (*path, number)) for number, inner in enumerate(value)]
        if is_secret(path) and "${" not in value:
            self._problem(path, "a secret does not stand in this file; write ${VARIABLE}, or {file: /path/to/it}")
        return self._replaced(value, path)

    def _replaced(self, value: str, path: Path) -> str:
        def one(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            inside = INSIDE.fullmatch(match[1])
            if inside is None:
                self._problem(
                    path, f"{printable(match[0])} is not understood; write ${{NAME}} or ${{NAME:-default}}; for the text itself $${{"
                )
                return match[0]
            name, default = inside.groups()
            if default and is_secret(path):
                self._problem(path, f"a secret does not stand in this file, not as a default either; write ${{{name}}}")
            if found := self.env.get(name):
                return found
            if name not in self.env and default is None:
                otherwise = "" if is_secret(path) else f", or write ${{{name}:-default}}"
                self._problem(path, f"variable {name} is not set; set it{otherwise}")
            return default or ""

        filled = VARIABLE.sub(one, value)
        if filled == value:
            return value
        self.places.at[path] = f"{self.places.where(path)} {printable(value, 40)}" if not is_hidden(path) else self.places.where(path)
        return Plain(filled) if isinstance(value, Plain) and not is_hidden(path) else str(filled)

    def _from_file(self, name: str, path: Path) -> str:
        file = self.base / self._replaced(name, path)
        try:
            with file.open("rb") as opened:
                raw = opened.read(SECRET_BYTES_MAX + 1)
            content = raw.decode("utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "is not UTF-8"
            self._problem(path, f"cannot read {file}: {reason}; make it readable for this user")
            return "unread"
        if len(raw) > SECRET_BYTES_MAX:
            self._problem(path, f"{file} has more than 64 kB; a secret is short")
        self.places.at[path] = f"{self.places.where(path)} (file {file})"
        return content.strip("\r\n")

    def _problem(self, path: Path, reason: str) -> None:
        self.troubled.add(path)
        self.problems.append(f"{shown_path(path)}: {reason} ({self.places.where(path)})")


def _alike(name: str) -> str:
    return re.sub(r"[._-]", "", name.lower())


def text_of(file: File, what: str) -> str:
    """A file's text. Raises ConfigError: cannot be read, too large, not UTF-8."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {what} {file}: {error.strerror}; check its path and rights") from error
    if len(raw) > BYTES_MAX:
        raise ConfigError(f"{what} {file} has more than {BYTES_MAX // 1024} kB; split it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{what} {file}: is not UTF-8 ({file}:{line}); save it as UTF-8") from error
