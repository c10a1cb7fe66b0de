"""`python -m tests.realdata [STREAM..]`: the table of what real streams show, in Markdown; `-v` prints each stream's whole backtest as well.

STREAM: how its name begins; without one all of them, which takes seconds to minutes each.
"""

import sys

from tests.realdata.claims import CLAIMS, forget, shown, told
from tests.realdata.reading import folder

from anchorwatch.runtime.report_table import as_text

MARKS = {True: "yes", False: "**no**", None: "cannot tell"}


def main(arguments: list[str]) -> int:
    if not folder().is_dir():
        sys.stderr.write(f"no development data at {folder()}; set ANCHORWATCH_DATA\n")
        return 2
    names = tuple(a for a in arguments if a != "-v")
    claims = [claim for claim in CLAIMS if not names or claim.stream.startswith(names)]
    sys.stdout.write("| stream | expected | met | shown |\n|---|---|---|---|\n")
    speed: dict[str, tuple[int, float]] = {}
    for i, claim in enumerate(claims):
        found = shown(claim)
        sys.stdout.write(f"| {claim.stream} | {claim.expected} | {MARKS[found.met]} | {found.words} |\n")
        runs = [told(name) for name in claim.runs]
        if "-v" in arguments and claim.stream not in speed:
            sys.stdout.write("".join(f"\n## {run.course.contract.model}\n\n{as_text(run)}\n" for run in runs))
        speed[claim.stream] = sum(len(run.course.events) for run in runs), sum(run.seconds for run in runs)
        sys.stdout.flush()
        forget({name for later in claims[i + 1 :] for name in later.runs})
    sys.stdout.writelines(f"| {name} | speed | | {n:,} events, {n / s:,.0f} a second |\n" for name, (n, s) in speed.items())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
