"""A reference as plain JSON, for the topic `contracts`: counts are deflated, since they are many."""

import base64
import zlib
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import msgspec
import numpy as np

from anchorwatch.errors import ContractError
from anchorwatch.estimators.season import CELLS
from anchorwatch.watches.base import Accepted, Floats, Ints, Reference


def reference_to_json(reference: Reference) -> dict[str, Any]:
    """Plain data; counts are deflated, since they are many."""
    found: dict[str, Any] = {name: getattr(reference, name) for name in PLAIN}
    found |= {name: value for name, nothing in REACTED.items() if (value := getattr(reference, name)) != nothing}
    found["counts"] = {key: _deflate(dense) for key, dense in sorted(reference.counts.items())}
    if reference.left_out:
        found["left_out"] = reference.left_out
    if reference.labels_due_ms:
        found["labels_due_ms"] = reference.labels_due_ms
    if reference.season:
        found["season"] = {monitor: _packed(rates) for monitor, rates in sorted(reference.season.items())}
    if reference.accepted:
        found["accepted"] = {monitor: _accepted_to_json(each) for monitor, each in sorted(reference.accepted.items())}
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
        rest["labels_due_ms"] = int(found.get("labels_due_ms", 0))
        rest["left_out"] = tuple((int(a), int(b)) for a, b in found.get("left_out", ()))
        rest |= {"segments": tuple(found["segments"]), "delays_s": tuple(found["delays_s"])}
        rest |= {name: tuple(found.get(name, nothing)) for name, nothing in REACTED.items()}
        accepted = {monitor: _accepted_from_json(each) for monitor, each in found.get("accepted", {}).items()}
        season = {monitor: _unpacked(packed) for monitor, packed in found.get("season", {}).items()}
        return Reference(**rest, **tuples, counts=counts, season=season, accepted=accepted)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError, zlib.error) as error:
        raise ContractError(f"reference: cannot be read ({error!r}); make it anew with `anchorwatch apply --reference`") from error


def _packed(rates: Floats) -> list[Any]:
    """To 7 digits, as all sides read them."""
    return [len(rates), base64.b64encode(zlib.compress(rates.astype("<f4").tobytes(), 9)).decode()]


def _unpacked(packed: Iterable[Any]) -> Floats:
    n, text = packed
    raw = zlib.decompressobj().decompress(base64.b64decode(text), STREAMS_BYTES_MAX)
    rates: Floats = np.frombuffer(raw, "<f4").reshape(n, CELLS).astype(np.float64)
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError("a rate of an hour is none")
    return rates


def _accepted_to_json(each: Accepted) -> dict[str, Any]:
    counts = {key: _deflate(dense) for key, dense in sorted(each.counts.items())}
    return {"from_ms": each.from_ms, "to_ms": each.to_ms, "rows": each.rows, "counts": counts, "phi": each.phi}


def _accepted_from_json(found: Mapping[str, Any]) -> Accepted:
    counts = {key: _inflate(packed) for key, packed in found["counts"].items()}
    return Accepted(int(found["from_ms"]), int(found["to_ms"]), int(found["rows"]), counts, tuple(float(x) for x in found["phi"]))


PLAIN = (
    "id", "from_ms", "to_ms", "rows", "segments", "edges", "limits", "values", "rare", "phi", "growth", "fields", "absent_runs", "gap_s",
    "delays_s", "labelled", "pace", "still", "expected",
)  # fmt: skip
LATER = ("pace", "still", "expected")  # added after the first references were written: one without it is read as empty
REACTED: dict[str, tuple[Any, ...]] = {  # written only where there were any: references of models without keep their ids
    "decided_s": (0.0, 0.0), "reasons": (), "complained_s": (0.0, 0.0), "kinds": (),
}  # fmt: skip
STREAMS_BYTES_MAX = 1 << 20  # of one monitor's hours
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
