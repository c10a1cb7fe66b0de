"""Is the promise kept, and at which price? All tables from fixed seeds, and exit 1 when a bound is broken.

    scripts/scorecard [--quick | --full] [--tables 1 3] [--jobs N] [--json FILE]

Without a flag or with --full the tables are written to app/anchorwatch/estimators/SCORECARD.md; --quick and --tables only print theirs.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from scripts.simulations.sheet import SEED, Effort, Table, as_json, markdown

SHEET = Path("app/anchorwatch/estimators/SCORECARD.md")
TABLES = {  # number: file, longest first where they run side by side
    8: "protocol", 2: "frozen", 6: "features", 1: "quiet", 3: "limit", 5: "segments", 4: "windows", 10: "kept", 11: "healed", 9: "nothing", 7: "late",
}  # fmt: skip
PACKAGES = ("numpy", "river", "scipy")


def main(arguments: Sequence[str]) -> int:
    asked = _asked(arguments)
    effort, chosen = Effort(asked.quick, asked.full), [n for n in TABLES if not asked.tables or n in asked.tables]
    began = time.monotonic()
    if asked.jobs > 1:
        with ProcessPoolExecutor(asked.jobs) as pool:
            tables = list(pool.map(make, chosen, [effort] * len(chosen)))
    else:
        tables = [make(n, effort) for n in chosen]
    tables.sort(key=lambda table: table.number)
    text = markdown(tables, effort.quick, _made(effort, time.monotonic() - began))
    if effort.quick or asked.tables:
        print(text)
    else:
        SHEET.write_text(text, "utf-8")
        print(f"scorecard: {SHEET}")
    if asked.json:
        asked.json.write_text(json.dumps({"seed": SEED, "tables": [as_json(t, effort.quick) for t in tables]}, indent=1), "utf-8")
    broken = [f"table {t.number}: {b.what}: {b.figure}" for t in tables for b in t.bounds if b.must and b.broken(effort.quick)]
    for line in broken:
        print(f"scorecard: BROKEN {line}", file=sys.stderr)
    return 1 if broken else 0


def make(number: int, effort: Effort) -> Table:
    began = time.monotonic()
    print(f"scorecard: table {number} ...", file=sys.stderr, flush=True)
    table: Table = import_module(f"scripts.simulations.{TABLES[number]}").table(effort)
    table.seconds = time.monotonic() - began
    return table


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/scorecard", description=(__doc__ or "").partition("\n")[0])
    much = parser.add_mutually_exclusive_group()
    much.add_argument(
        "--quick", action="store_true", help="seconds: few runs, a bound is broken only beyond its interval; part of the tests"
    )
    much.add_argument("--full", action="store_true", help="under half an hour on two cores; without either a part of it")
    parser.add_argument("--tables", type=int, nargs="+", choices=sorted(TABLES), metavar="N", help=f"of {sorted(TABLES)}; all without")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 2), help="tables at a time; 2 where there are two cores")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures, with n, intervals and bounds")
    return parser.parse_args(arguments)


def _made(effort: Effort, seconds: float) -> str:
    how = "--quick" if effort.quick else "--full" if effort.full else ""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    made = (
        f"Made by `scripts/scorecard {how}".rstrip()
        + f"` in {seconds / 60:.0f} min: Python {platform.python_version()}, {versions}, seed {SEED}."
    )
    return (
        f"{made} Each figure has its interval of 95 % in brackets. A *bound* that is broken fails the script; a target that is not reached is "
        "named as such. Detectors are those of this folder, on the arithmetic of the product's banks; the simulations are in `scripts/simulations`."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
