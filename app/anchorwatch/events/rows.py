"""Records as they are read from Kafka and written to it. Those that are read stand in columns, for speed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

Row = tuple[bytes | None, bytes | None, int, int]  # key, value, offset, record timestamp in ms
Headers = Mapping[str, bytes | None]


class Headed(tuple[bytes | None, bytes | None, int, int]):  # noqa: SLOT001 (a tuple's subclass cannot have slots that hold something)
    """A row with its headers, for formats that speak in them; to everybody else a row like any other. Of a name given twice the last counts."""

    headers: Headers


def headed(row: Row, headers: Headers | Sequence[tuple[str, bytes | None]]) -> Row:
    made = Headed(row)
    made.headers = dict(headers)
    return made


class Rows(Sequence[Row]):
    """Consecutive records of one partition, by column: whoever looks at all of them pays per column, not per record."""

    __slots__ = ("headers", "keys", "offsets", "stamps", "values")

    def __init__(
        self, keys: list[bytes | None], values: list[bytes | None], offsets: Sequence[int], stamps: NDArray[np.int64],
        headers: Sequence[Headers] = (),
    ) -> None:  # fmt: skip
        """offsets: a range where they have no gaps; stamps: record timestamps in ms, int64[n]; headers: of each row, or of none."""
        self.keys, self.values, self.offsets, self.stamps, self.headers = keys, values, offsets, stamps, headers

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Rows":
        """The same rows, by column; 0.1 us each where they are not yet."""
        if isinstance(rows, Rows):
            return rows
        keys, values, offsets, stamps = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
        has_headers = any(isinstance(row, Headed) for row in rows)
        headers = [row.headers if isinstance(row, Headed) else {} for row in rows] if has_headers else ()
        return cls(keys, values, offsets, np.array(stamps, np.int64), headers)

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> "Rows": ...

    def __getitem__(self, at: int | slice) -> "Row | Rows":
        if isinstance(at, slice):
            return Rows(self.keys[at], self.values[at], self.offsets[at], self.stamps[at], self.headers[at])
        row = self.keys[at], self.values[at], self.offsets[at], int(self.stamps[at])
        return headed(row, self.headers[at]) if self.headers else row

    def __iter__(self) -> Iterator[Row]:
        rows = zip(self.keys, self.values, self.offsets, self.stamps.tolist(), strict=True)
        return map(headed, rows, self.headers) if self.headers else rows


class Record(NamedTuple):
    """One record to be written. `partition` -1: by murmur2 of the key."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
