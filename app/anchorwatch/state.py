"""A task's state as chunks of bytes: kind, version, checksum, plain data. No pickle: a chunk can be read by any program, for years.

A chunk is MAGIC, the xxh3-64 of the rest (8 bytes), then msgpack `[kind, version, header, {name: [dtype, shape, buffer]}]`.
What is larger than `CHUNK_BYTES_MAX` is cut into numbered parts, which travel in one transaction and are joined before they are read.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from anchorwatch.errors import StateCorrupt

MAGIC = b"AWc1"
CHUNK_BYTES_MAX = 900_000  # Kafka takes 1 MB by default; above: parts
STATE_BYTES_MAX = 1 << 30  # of one chunk's parts together: what claims to be larger is not ours
DTYPES = frozenset(["<i1", "|i1", "|u1", "|b1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"])

Migration = Callable[[dict[str, Any], dict[str, NDArray[Any]]], tuple[dict[str, Any], dict[str, NDArray[Any]]]]
MIGRATIONS: dict[tuple[str, int], Migration] = {}  # (kind, version) -> the same as version + 1


class Chunk(NamedTuple):
    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def pack(kind: str, version: int, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """header: plain data. arrays: numbers of fixed width; a dtype that is not in DTYPES is a programmer's mistake."""
    buffers = {}
    for name, array in (arrays or {}).items():
        plain = np.ascontiguousarray(array)
        assert plain.dtype.str in DTYPES, f"{kind}.{name} has dtype {plain.dtype}, not plain numbers"
        buffers[name] = [plain.dtype.str, list(array.shape), plain.tobytes()]
    body = msgspec.msgpack.encode([kind, version, header, buffers])
    return MAGIC + xxhash.xxh3_64_digest(body) + body


def unpack(raw: bytes, kind: str, version: int) -> Chunk:
    """Raises StateCorrupt: not a chunk, checksum, another kind, or written by a newer version of Anchorwatch."""
    found, written, header, buffers = _body(raw)
    if found != kind:
        raise StateCorrupt(f"a chunk of kind {found!r} stands where {kind!r} is expected; was the changelog mixed up?")
    if written > version:
        raise StateCorrupt(f"chunk {kind!r} is of version {written}, this program reads up to {version}: run the newer Anchorwatch")
    try:
        arrays = {name: _array(*buffer) for name, buffer in buffers.items()}
    except (TypeError, ValueError) as error:
        raise StateCorrupt(f"chunk {kind!r}: {error}") from error
    while written < version:
        if (kind, written) not in MIGRATIONS:
            raise StateCorrupt(
                f"chunk {kind!r} is of version {written}, too old for this program, which reads {version}: run the releases between"
            )
        header, arrays = MIGRATIONS[kind, written](header, arrays)
        written += 1
    return Chunk(header, arrays)


def _body(raw: bytes) -> tuple[str, int, dict[str, Any], dict[str, Any]]:
    if len(raw) < 12 or raw[:4] != MAGIC:
        raise StateCorrupt(f"{len(raw)} bytes are no chunk: they do not begin with {MAGIC!r}")
    if xxhash.xxh3_64_digest(raw[12:]) != raw[4:12]:
        raise StateCorrupt(
            "the checksum of a chunk does not fit: it was cut or changed on its way; `anchorwatch state restart` begins with empty state"
        )
    try:
        kind, version, header, buffers = msgspec.msgpack.decode(raw[12:])
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise StateCorrupt(f"a chunk cannot be read: {error}") from error
    if not (isinstance(kind, str) and isinstance(version, int) and isinstance(header, dict) and isinstance(buffers, dict)):
        raise StateCorrupt("a chunk does not hold kind, version, header and arrays")
    return kind, version, header, buffers


def _array(dtype: str, shape: list[int], buffer: bytes) -> NDArray[Any]:
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is not one of ours")
    return np.frombuffer(buffer, dtype).reshape(shape).copy()


def parts(name: str, raw: bytes, before: int = 0) -> dict[bytes, bytes | None]:
    """name#0, name#1, ...; `before`: how many parts it had at the last cut, so that surplus ones are removed."""
    cut = [raw[at : at + CHUNK_BYTES_MAX - 64] for at in range(0, max(len(raw), 1), CHUNK_BYTES_MAX - 64)]
    found: dict[bytes, bytes | None] = {f"{name}#{i}".encode(): len(cut).to_bytes(4, "little") + part for i, part in enumerate(cut)}
    found.update({f"{name}#{i}".encode(): None for i in range(len(cut), before)})
    return found


def join(chunks: Mapping[bytes, bytes]) -> dict[str, bytes]:
    """The reverse of `parts` for all names of a task. Raises StateCorrupt when a part is missing."""
    found: dict[str, dict[int, bytes]] = {}
    for key, part in chunks.items():
        try:
            name, _, number = key.decode().rpartition("#")
            found.setdefault(name, {})[int(number)] = part
        except ValueError as error:
            raise StateCorrupt(f"a chunk is named {key[:60]!r}, as none of ours is; does something else write to the changelog?") from error
    joined = {}
    for name, pieces in found.items():
        n = int.from_bytes(pieces[min(pieces)][:4], "little")
        if len(pieces) != n or set(pieces) != set(range(n)) or sum(map(len, pieces.values())) > STATE_BYTES_MAX:
            raise StateCorrupt(f"chunk {name!r} has parts {sorted(pieces)}, {n} are expected")
        joined[name] = b"".join(pieces[i][4:] for i in range(n))
    return joined
