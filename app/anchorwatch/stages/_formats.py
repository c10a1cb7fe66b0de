"""What the ingest stage is given to read with: it imports no format itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from anchorwatch.contract import Contract
from anchorwatch.events import Record, Role, Row


class Decoder(Protocol):
    """What a source format gives for one role; sources/base.py says what `decode` returns."""

    def decode(self, rows: Sequence[Row]) -> Any: ...


class Opened(Protocol):
    """A batch of foreign records as our own events."""

    rows: list[Row]
    origin: list[int]  # place of the record that each came from
    tally: Mapping[tuple[str, str], int]

    def refusals(self, decoded: Sequence[Any]) -> list[Any]: ...


class Translator(Protocol):
    """Between a foreign topic and the decoder; sources/foreign says how."""

    def open(self, rows: Sequence[Row]) -> Opened: ...

    def overdue(self, now_ms: int) -> Opened | None:
        """Events of which a half never came, told by the clock alone; None: none."""

    def snapshot(self) -> list[list[Any]]:
        """What waits for its other half, as plain data."""

    def restore(self, kept: list[list[Any]]) -> None: ...


class Formats(NamedTuple):
    """The decoders that a stage is given: it imports none."""

    translator: Callable[[Role, Sequence[Contract]], Translator | None]  # None: the topic holds our own events
    make: Callable[[Role, Sequence[tuple[str, dict[str, str]]], str | None], Decoder]  # (role, [(model, features)], the only model)
    as_map: Callable[[bytes], dict[str, Any]]
    dead_letter: Callable[[Row, str, int, Any, str], Record]
