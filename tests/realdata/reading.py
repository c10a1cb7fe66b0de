"""Development streams as native events: where the files lie, and what all adapters share."""

import csv
import gzip
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from anchorwatch import contract as contracts
from anchorwatch.contract import Contract
from anchorwatch.events import Outcome, Prediction
from anchorwatch.runtime.backtest import Course, Told, backtest, plan
from anchorwatch.runtime.drive import Clockwork, Event

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ENCODER = msgspec.json.Encoder()


def folder() -> Path:
    """Named by ANCHORWATCH_DATA, seen from the root of the repository."""
    return (ROOT / os.environ.get("ANCHORWATCH_DATA", "../shared/data/dev")).resolve()


def table(name: str) -> Iterator[dict[str, str]]:
    """Rows of `<name>.csv.gz`."""
    with gzip.open(folder() / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def ms(text: str) -> int:
    """Times of the files have no zone; they are read as UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def number(text: str | None) -> float | None:
    return float(text) if text else None


def contract_of(name: str) -> Contract:
    path = HERE / "contracts" / f"{name}.yaml"
    return contracts.parse(path.read_text("utf-8"), str(path.relative_to(ROOT)), runnable=True)


def predicted(contract: Contract, at_ms: int, id_: str, answer: Any, features: Mapping[str, Any], **more: Any) -> Event:
    event = Prediction(id_, contract.model, answer, features=dict(features), predicted_at_ms=at_ms, **more)
    return Event("predictions", at_ms, id_.encode(), ENCODER.encode(event))


def known(contract: Contract, at_ms: int, id_: str, label: Any) -> Event:
    event = Outcome(id_, contract.model, label, known_at_ms=at_ms)
    return Event("outcomes", at_ms, id_.encode(), ENCODER.encode(event))


def in_time(events: Iterable[Event]) -> list[Event]:
    """As they would have come; of one moment predictions before outcomes."""
    return sorted(events, key=lambda event: (event.at_ms, event.role == "outcomes"))


@dataclass(frozen=True)
class Stream:
    """One real stream: its events, and which of them are called normal."""

    name: str
    contract: Contract
    events: list[Event]
    until_ms: int  # predictions before that are the reference
    since_ms: int = 0  # what lies before is left out
    window_ms: int = HOUR_MS

    def course(self) -> Course:
        events = [e for e in self.events if e.at_ms >= self.since_ms] if self.since_ms else self.events
        return plan(self.contract, events, window_ms=self.window_ms, until_ms=self.until_ms)

    def told(self) -> Told:
        return backtest(self.course(), Clockwork(window_ms=self.window_ms, summary_ms=30 * DAY_MS))
