"""A table of past predictions as the events that services would have sent: for references, `backtest` and `replay`.

One row a prediction, its label beside it where that is known. Columns (`*`: needed):

    prediction_id                 its id; without this column `row-<line>`
    predicted_at_ms, predicted_at *  one of them: ms since 1970, or 2018-09-01T12:00:00+02:00; without an offset in the contract's timezone
    prediction *                  the answer
    score, latency_ms, requested_at_ms, status, model_version, arm
    label                         the truth; an empty cell: not known
    known_at_ms, known_at         when it became known; without: the prediction's time and `labels.delay.typical`, if that is declared
    features.<name>, segments.<name>   or the bare name, where the contract declares it

CSV with a comma, UTF-8, names in the first line, `.gz` as well.
"""

import csv
import gzip
import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import IO, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from anchorwatch.contract import Contract
from anchorwatch.contract.faults import nearest
from anchorwatch.errors import ConfigError
from anchorwatch.events import Role, canonical

ROWS_MAX = 3_000_000  # 2 GB of memory; above: refused, give a shorter time
PROBLEMS_MAX = 20  # told at once
TIMES = ("predicted_at_ms", "predicted_at", "known_at_ms", "known_at", "requested_at_ms")
NUMBERS = ("score", "latency_ms")
WHOLE = ("status",)
TEXTS = ("prediction_id", "model_version", "arm")
OWN = (*TIMES, *NUMBERS, *WHOLE, *TEXTS, "prediction", "label")
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?([Zz]|[-+]\d\d:?\d\d)?)?")
MS_RANGE = (10**11, 10**14)  # 1973 to 5138: what lies outside is not in ms
BOOLS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
ENCODER = msgspec.json.Encoder()
Convert = Callable[[str], Any]


class EventRow(NamedTuple):
    """One event, and when it came to be: an outcome at the time at which it was known."""

    role: Role
    at_ms: int
    key: bytes
    value: bytes


class Cell(ValueError):
    """Why one cell cannot be used."""


def read_rows(path: Path, contract: Contract) -> list[EventRow]:
    """In the order of time; a prediction before its outcome. Raises ConfigError with the first 20 problems and their lines."""
    problems: list[str] = []
    found: list[EventRow] = []
    with _opened(path) as text:
        reader = csv.reader(text)
        try:
            names = [name.strip() for name in next(reader, [])]
            table = Table(names, contract, path)
            for cells in reader:
                if cells:
                    found += _events(table, cells, reader.line_num, problems)
                if len(problems) > PROBLEMS_MAX or len(found) > 2 * ROWS_MAX:
                    break
        except (csv.Error, UnicodeDecodeError, OSError, EOFError) as error:
            problems.append(f"{path}:{reader.line_num}: cannot be read: {error}; is it CSV in UTF-8?")
    if problems:
        more = "; more lines have problems" if len(problems) > PROBLEMS_MAX else ""
        raise ConfigError("\n".join(problems[:PROBLEMS_MAX]) + more)
    if len(found) > 2 * ROWS_MAX:
        raise ConfigError(f"{path}: more than {ROWS_MAX:,} rows; give a shorter time")
    found.sort(key=lambda row: (row.at_ms, row.role != "predictions"))
    return found


def _opened(path: Path) -> IO[str]:
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; check path and rights") from error


def _events(table: "Table", cells: list[str], line: int, problems: list[str]) -> Iterator[EventRow]:
    if len(cells) != len(table.names):
        problems.append(f"{table.path}:{line}: has {len(cells)} cells, the first line names {len(table.names)} columns")
        return
    try:
        yield from table.events(cells, line)
    except Cell as error:
        problems.append(f"{table.path}:{line}: {error}")


class Table:
    """What each column means for one contract. Raises ConfigError for columns that are missing, unknown or there twice."""

    def __init__(self, names: Sequence[str], contract: Contract, path: Path) -> None:
        self.names, self.contract, self.path = names, contract, path
        self.zone: tzinfo = ZoneInfo(contract.timezone)
        self.place: dict[str, int] = {}  # own columns
        self.features: list[tuple[str, int, Convert]] = []
        self.segments: list[tuple[str, int]] = []
        dimensions = {name for group in contract.segments.by for name in group}
        problems: list[str] = []
        for i, name in enumerate(names):
            self._column(i, name, dimensions, problems)
        problems += self._lacking()
        if problems:
            raise ConfigError("\n".join(f"{path}:1: {problem}" for problem in problems))
        self._classes = frozenset(contract.labels.classes)

    def _column(self, i: int, name: str, dimensions: set[str], problems: list[str]) -> None:
        kind, _, rest = name.partition(".")
        if name in self.names[:i]:
            problems.append(f"column {name} is there twice; keep one")
        elif name in OWN:
            self.place[name] = i
        elif kind == "features" and rest:
            self.features.append((rest, i, self._convert(rest)))
        elif kind == "segments" and rest:
            self.segments.append((rest, i))
        elif name in self.contract.features:
            self.features.append((name, i, self._convert(name)))
        elif name in dimensions:
            self.segments.append((name, i))
        else:
            known = [*OWN, *self.contract.features, *dimensions]
            problems.append(f"column {name or f'{i + 1} without a name'} is not understood; {nearest(name, known)}, or features.<name>")

    def _lacking(self) -> Iterator[str]:
        if "prediction" not in self.place:
            hint = "; cells are divided by commas" if len(self.names) == 1 else ""
            yield f"column prediction is needed: the model's answer{hint}"
        if not {"predicted_at_ms", "predicted_at"} & self.place.keys():
            yield "column predicted_at_ms or predicted_at is needed: when the model answered"
        for name in ("predicted_at", "known_at"):
            if {name, f"{name}_ms"} <= self.place.keys():
                yield f"columns {name} and {name}_ms say the same; keep one"

    def _convert(self, feature: str) -> Convert:
        declared = self.contract.features.get(feature)
        return CONVERT[declared.type] if declared else guessed

    # one row

    def events(self, cells: Sequence[str], line: int) -> Iterator[EventRow]:
        """Raises Cell."""
        row = {name: cells[i] for name, i in self.place.items() if cells[i] != ""}
        at_ms = self._time(row, "predicted_at", "is needed")
        about: dict[str, Any] = {"prediction_id": row.get("prediction_id") or f"row-{line}", "model": self.contract.model}
        if self.contract.environment != "prod":
            about["environment"] = self.contract.environment
        key = str(about["prediction_id"]).encode()
        yield EventRow("predictions", at_ms, key, ENCODER.encode(about | self._prediction(row, at_ms, cells)))
        if "label" in row:
            known_ms = self._known(row, at_ms)
            outcome = about | {"label": self._answer("label", row["label"]), "known_at_ms": known_ms}
            yield EventRow("outcomes", known_ms, key, ENCODER.encode(outcome))

    def _prediction(self, row: dict[str, str], at_ms: int, cells: Sequence[str]) -> dict[str, Any]:
        told: dict[str, Any] = {"predicted_at_ms": at_ms}
        if "prediction" in row:
            told["prediction"] = self._answer("prediction", row["prediction"])
        elif named("status", whole, row.get("status", "200")) < 400:
            raise Cell("prediction: is empty; give the model's answer, or a status of 400 and above for a failed call")
        told |= {name: named(name, number, row[name]) for name in NUMBERS if name in row}
        told |= {name: named(name, whole, row[name]) for name in WHOLE if name in row}
        told |= {name: row[name] for name in ("model_version", "arm") if name in row}
        if "requested_at_ms" in row:
            told["requested_at_ms"] = named("requested_at_ms", milliseconds, row["requested_at_ms"])
        if self.features:
            told["features"] = {name: None if cells[i] == "" else named(name, convert, cells[i]) for name, i, convert in self.features}
        if self.segments:
            told["segments"] = {name: cells[i] for name, i in self.segments if cells[i] != ""}
        return told

    def _time(self, row: dict[str, str], name: str, otherwise: str) -> int:
        if f"{name}_ms" in row:
            return int(named(f"{name}_ms", milliseconds, row[f"{name}_ms"]))
        if name in row:
            return int(named(name, lambda text: instant(text, self.zone), row[name]))
        raise Cell(f"{name}: {otherwise}")

    def _known(self, row: dict[str, str], at_ms: int) -> int:
        if "known_at" in row or "known_at_ms" in row:
            return self._time(row, "known_at", "")
        return at_ms + (self.contract.labels.delay.typical or 0)

    def _answer(self, name: str, text: str) -> str | float:
        """A number of a regression; else the class, also where the file writes 1.0 for the class 1."""
        if self.contract.task == "regression":
            return float(named(name, number, text))
        if text in self._classes:
            return text
        try:
            short = canonical(float(text))
        except (ValueError, OverflowError):
            return text
        return short if short in self._classes else text


# one cell


def named(name: str, convert: Convert, text: str) -> Any:
    """Raises Cell with the column's name."""
    try:
        return convert(text.strip())
    except Cell as error:
        raise Cell(f"{name} = {text[:40]}: {error}") from None


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise Cell("must be a number") from None
    if not math.isfinite(value):
        raise Cell("must be finite; leave the cell empty where nothing is known")
    return value


def whole(text: str) -> int:
    value = number(text)
    if not value.is_integer():
        raise Cell("must be a whole number")
    return int(value)


def boolean(text: str) -> bool:
    if (value := BOOLS.get(text.lower())) is None:
        raise Cell("must be true or false")
    return value


def guessed(text: str) -> str | float:
    """Of a feature that the contract does not declare."""
    try:
        return number(text)
    except Cell:
        return text


def milliseconds(text: str) -> int:
    value = whole(text)
    if not MS_RANGE[0] <= value < MS_RANGE[1]:
        raise Cell("must be milliseconds since 1970" + ("; these look like seconds" if 10**8 <= value < 10**11 else ""))
    return value


def instant(text: str, zone: tzinfo) -> int:
    """Of ISO 8601, the year first; without an offset in `zone`. What could be read in two ways, as 01/09/2018, is refused."""
    if not ISO.fullmatch(text):
        raise Cell("must be written as 2018-09-01T12:00:00+02:00, the year first; other ways to write a date can be read in two ways")
    try:
        at = datetime.fromisoformat(text.replace(",", ".").upper())
    except ValueError as error:
        raise Cell(f"is no such day or time ({error})") from None
    since = (at if at.tzinfo else at.replace(tzinfo=zone)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


CONVERT: dict[str, Convert] = {"number": number, "bool": boolean, "category": str, "text": str}
