"""`python -m tests.realdata`: the table of what real streams show, in Markdown; `-v` prints each stream's whole backtest as well."""

import sys

from tests.realdata.claims import CLAIMS, told
from tests.realdata.reading import folder

from anchorwatch.runtime.report_table import as_text

MARKS = {True: "yes", False: "**no**", None: "cannot tell"}


def main(arguments: list[str]) -> int:
    if not folder().is_dir():
        sys.stderr.write(f"no development data at {folder()}; set ANCHORWATCH_DATA\n")
        return 2
    rows = ["| stream | expected | met | shown |", "|---|---|---|---|"]
    for claim in CLAIMS:
        shown = claim.shown()
        rows.append(f"| {claim.stream} | {claim.expected} | {MARKS[shown.met]} | {shown.words} |")
    names = list(dict.fromkeys(claim.stream for claim in CLAIMS))
    for name in names:
        found = told(name)
        if "-v" in arguments:
            sys.stdout.write(f"## {name}\n\n{as_text(found)}\n")
        rows.append(f"| {name} | speed | | {len(found.course.events):,} events, {found.events_per_second:,.0f} a second |")
    sys.stdout.write("\n".join(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
