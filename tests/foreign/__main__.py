"""`./scripts/foreign [--only kserve|avro|payments] [--json FILE]`: three installations, from nothing to a first alert."""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.foreign import newcomer

from anchorwatch.broker import Broker

NAMES = ("kserve", "avro", "payments")


def main() -> int:
    asked = argparse.ArgumentParser(prog="foreign", description="From other people's topics to a first alert.")
    asked.add_argument("--only", choices=NAMES, action="append", help="of the three installations this one; may be repeated")
    asked.add_argument("--json", type=Path, help="write the figures there too")
    asked.add_argument("--minutes", type=float, default=10, help="how long the services have been at work before")
    wanted = asked.parse_args()
    names = wanted.only or NAMES
    told: list[newcomer.Told] = []
    with tempfile.TemporaryDirectory(prefix="anchorwatch-foreign-") as folder:
        for name in names:
            print(f"{name}: {(getattr(newcomer, name).__doc__ or '').strip()}")
            if name == "payments":
                told.append(newcomer.payments(Path(folder) / name, minutes=wanted.minutes))
                continue
            with Broker() as broker:
                told.append(getattr(newcomer, name)(broker.client, Path(folder) / name, minutes=wanted.minutes))
    total = sum(each.seconds for each in told)
    print(f"{len(told)} installations: {sum(len(each.steps) for each in told)} commands, {total / 60:.1f} minutes in sum")
    if wanted.json:
        wanted.json.write_text(json.dumps([asdict(each) for each in told], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
