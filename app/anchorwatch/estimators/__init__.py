"""Numbers in, estimate out: one algorithm per file; the only importer of river.

Start at `bank.py` (many monitors in arrays), then `tables.py` (what "nothing wrong" means) and `lines.py` (up to where we do not care).
A detector that a contract may name is a file found by `base.catalogue()`.
"""
