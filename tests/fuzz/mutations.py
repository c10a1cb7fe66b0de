"""Bytes that are nearly right: seeds, changed a little. Seeded, so that an input is found again by its number."""

import random
from collections.abc import Iterator, Sequence

TOKENS = (
    b"null", b"true", b"NaN", b"Infinity", b"1e999", b"-0", b"18446744073709551616", b"0.1e-400", b'"', b"\\", b"\\u0000", b"\\ud800",
    b"{", b"}", b"[", b"]", b":", b",", b"\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"{}", b"[]", b'{"a":', b"[" * 500,
    b'"\xe2\x80\xa8"', b"- ", b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"? ", b"|\n ", b"\xc1", b"\xdf\xff\xff\xff\xff",
    b"\xc6\x7f\xff\xff\xff", b"\x9f", b"../", b"%s", b"1970-01-01T00:00:00Z", b"9" * 40, b"\t",
)  # fmt: skip
CHANGES_MAX = 4
BYTES_MAX = 20_000


def mutated(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Without end. One in fifty is no seed's child but noise."""
    rng = random.Random(seed)
    while True:
        if rng.random() < 0.02:
            yield rng.randbytes(rng.randrange(200))
            continue
        raw = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, CHANGES_MAX)):
            _change(raw, seeds, rng)
        yield bytes(raw[:BYTES_MAX])


def _change(raw: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(raw) + 1)
    end = min(len(raw), at + rng.choice((1, 1, 2, 4, 16, 64)))
    kind = rng.randrange(6)
    if kind == 0 and at < len(raw):
        raw[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        raw[at:at] = rng.choice(TOKENS)
    elif kind == 2:
        del raw[at:end]
    elif kind == 3:
        raw[at:end] = rng.choice(TOKENS)
    elif kind == 4:
        raw[at:at] = raw[at:end] * rng.choice((1, 2, 8))
    else:  # the head of one, the tail of another
        other = rng.choice(seeds)
        raw[at:] = other[rng.randrange(len(other) + 1) :]
