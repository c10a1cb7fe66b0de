"""A reference as plain JSON, for the topic `contracts`: counts are deflated, since they are many."""

import base64
import zlib
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import msgspec
import numpy as np

from anchorwatch.errors import ContractError
from anchorwatch.watches.base import Ints, Reference


def reference_to_json(reference: Reference) -> dict[str, Any]:
    """Plain data; counts are deflated, since they are many."""
    found: dict[str, Any] = {name: getattr(reference, name) for name in PLAIN}
    found["counts"] = {key: _deflate(dense) for key, dense in sorted(reference.counts.items())}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return plain


def reference_from_json(found: Mapping[str, Any]) -> Reference:
    """Raises ContractError when it is not one."""
    try:
        counts = {key: _inflate(text) for key, text in found["counts"].items()}
        tuples: dict[str, Any] = {
            name: {k: tuple(v) for k, v in found[name].items()} for name in ("edges", "limits", "values", "rare", "phi", "fields")
        }
        tuples |= {name: {k: tuple(v) for k, v in found.get(name, {}).items()} for name in LATER}
        rest: dict[str, Any] = {name: found[name] for name in PLAIN if name not in tuples}
        rest |= {"segments": tuple(found["segments"]), "delays_s": tuple(found["delays_s"])}
        return Reference(**rest, **tuples, counts=counts)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError, zlib.error) as error:
        raise ContractError(f"reference: cannot be read ({error!r}); make it anew with `anchorwatch apply --reference`") from error


PLAIN = (
    "id", "from_ms", "to_ms", "rows", "segments", "edges", "limits", "values", "rare", "phi", "growth", "fields", "absent_runs", "gap_s",
    "delays_s", "labelled", "pace", "still", "expected",
)  # fmt: skip
LATER = ("pace", "still", "expected")  # added after the first references were written: one without it is read as empty
COUNTS_BYTES_MAX = 1 << 28  # of one inflated count: what claims to be larger is not ours


def _deflate(dense: Ints) -> list[Any]:
    flat = dense.reshape(-1)
    at = np.flatnonzero(flat)
    raw = np.diff(at, prepend=0).astype("<i4").tobytes() + flat[at].astype("<i8").tobytes()
    return [list(dense.shape), len(at), base64.b64encode(zlib.compress(raw, 9)).decode()]


def _inflate(packed: Iterable[Any]) -> Ints:
    shape, n, text = packed
    if not all(isinstance(side, int) and side >= 0 for side in shape) or prod(shape) > COUNTS_BYTES_MAX // 8:
        raise ValueError(f"counts of shape {shape} are not ours")
    raw = zlib.decompressobj().decompress(base64.b64decode(text), COUNTS_BYTES_MAX)
    dense = np.zeros(prod(shape), np.int64)
    dense[np.cumsum(np.frombuffer(raw, "<i4", n))] = np.frombuffer(raw, "<i8", n, 4 * n)
    if (dense < 0).any():
        raise ValueError("a count is negative")
    return dense.reshape(shape)
