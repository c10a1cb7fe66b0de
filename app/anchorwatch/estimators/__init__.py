"""Numbers in, estimate out: one algorithm per file; the only importer of river.

Start at `bank.py` (many monitors in arrays), then `tables.py` (what "nothing wrong" means) and `lines.py`, `season.py` (up to where we do
not care). `healing.py` says when it is over, `Rows.onset` since when it has been. For people: `interval.py`, `confusion.py`, `ranking.py`,
`losses.py`, `calibration.py`; while labels are out: `cbpe.py`, `late_labels.py`. A detector that a contract may name, or a notebook use, is
a file found by `base.catalogue()`. What all of it costs and how often it is wrong: SCORECARD.md, made by `scripts/scorecard`.
"""
