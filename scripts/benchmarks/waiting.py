"""How much memory does a prediction take that waits for its outcome? Prints a line of JSON.

python -m scripts.benchmarks.waiting
"""

import json
import os

import numpy as np
from scripts.benchmarks import meter

from anchorwatch.stages.join import Waiting

ROWS, BATCH = 1_000_000, 10_000


def main() -> None:
    rng = np.random.default_rng(1)
    before = meter.resident_bytes(os.getpid())
    waiting = Waiting()
    for first in range(0, ROWS, BATCH):
        hashes = rng.integers(1, 2**63, BATCH).astype(np.uint64)
        at = np.arange(first, first + BATCH)
        waiting.add(hashes, at, np.zeros(BATCH, np.int64), np.zeros(BATCH), 0, 60_000)
        waiting.changed()  # as a cut does
    assert waiting.n == ROWS, f"{waiting.n} rows wait, not {ROWS}"
    grown = meter.resident_bytes(os.getpid()) - before
    print(json.dumps({"rows": ROWS, "bytes_each": waiting.nbytes / ROWS, "resident_bytes_each": grown / ROWS}))


if __name__ == "__main__":
    main()
