"""`PYTHONPATH=app:. python -m tests.golden`: writes what this release's stages and `apply` leave in Kafka, for tests/stages/test_upgrade.py.

Once per release, and never changed after it: every later one must go on from it. Until then a change of the state writes it anew.
"""

import zlib
from pathlib import Path

import msgspec
from tests.stages.lives import ManyLives
from tests.traffic import Fault, in_order, loan_applied, quiet_then

from anchorwatch import __version__
from anchorwatch.runtime.drive import Clockwork, Event

HERE = Path(__file__).parent
FAULT = Fault(wrong={"af": 0.6}, slow={"asia": 4.0}, late=0.05)  # so that there is an open alert


def story() -> tuple[list[Event], list[Event], int]:
    """(events before the upgrade, events after it, the end in ms)."""
    events, _, end = quiet_then(900, FAULT, quiet=600)
    events = in_order(events)
    half = 3 * len(events) // 4
    return events[:half], events[half:], end + 60_000


def main() -> None:
    before, _, _ = story()
    drive = ManyLives([loan_applied()], Clockwork())
    for at in range(0, len(before), 200):
        drive.feed(before[at : at + 200])
    kept = {"applied": msgspec.json.encode(loan_applied()), "ingest": drive.chunks, "judge": drive.judge_chunks}
    path = HERE / f"state-{__version__}.msgpack.zlib"
    path.write_bytes(zlib.compress(msgspec.msgpack.encode(kept), 9))
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
