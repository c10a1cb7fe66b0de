"""Did the latency that was fine in the notebook spike under real traffic?

Question: do more answers than promised, or than in the reference, take longer than a bound in milliseconds?
Method: a log histogram per segment (8 bins an octave); the share over the promise and over 1.25 times the reference's p50, p90, p99 of the
  same segment, each a 0/1 stream against its line. The bound is in milliseconds, not in ranks: medians wander by 2 to 3 % (detection.md 5.1).
  Half of the calls below half the usual p50 are news (`LatencyFell`): a cache, or work that is no longer done. Failed calls are not fast.
Runbook: compare inference with queue time in the trace of a slow prediction; look at deploys and at batch sizes; then at the machine.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from anchorwatch.estimators.latency_histogram import N_BINS, bins_of, edges, quantile
from anchorwatch.watches.base import NEWS_RUNBOOK, Add, Columns, Count, Explained, Ints, Monitor, Quiet, Seen, Stream, short_hash
from anchorwatch.watches.lines import EVENTS_MIN, line_of

if TYPE_CHECKING:
    from anchorwatch.watches.layout import Layout

FAILED = N_BINS  # the symbol after the last bin: a failed call is over every bound
SLACK = 1.25  # times the reference's quantile: smaller slowdowns never alarm
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}  # of the reference
PROMISED = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
HOPS = ("inference", "end_to_end")
HALF = 0.5  # times the reference's p50: smaller gains are no news
FAST_MORE = 0.25  # of the calls are faster than that beyond the usual share, where that is large
LOWER = "lower.inference_p50"
CLEAR_DAYS = 4 / 24
RUNBOOK = (__doc__ or "").partition("Runbook: ")[2].strip()


def promised(layout: "Layout") -> list[tuple[str, str, float, float]]:
    """(hop, quantile name, quantile, bound in seconds) of every promise in the contract."""
    found = []
    for hop in HOPS:
        for name, q in PROMISED.items():
            bound_ms = getattr(layout.contract.promises.latency, f"{hop}_{name}", None)
            if bound_ms is not None:
                found.append((hop, name, q, bound_ms / 1000))
    return found


def first_over(usual_s: float) -> int:
    """The first bin over `SLACK` times that: from the nearest edge on, so the bound is 1.2 to 1.3 times it and the counts need no second pass.

    The next edge above, up to 1.36 times, was deaf to one call in twenty that took three times as long, beside a slow mode of twice the time.
    """
    return int(np.abs(np.log(edges() / (usual_s * SLACK))).argmin())


class Latency(Quiet):
    name: ClassVar[str] = "latency"
    question: ClassVar[str] = "Did latency spike?"

    def counts(self, layout: "Layout") -> Sequence[Count]:
        hops = [hop for hop in HOPS if hop == "inference" or any(h == hop for h, *_ in promised(layout))]
        found = [Count(f"{hop}.seconds", N_BINS + 1) for hop in hops]
        found += [Count(f"{hop}.over_{name}", 2, short_hash(bound)) for hop, name, _, bound in promised(layout)]
        return found

    def count(self, layout: "Layout", columns: Columns, add: Add) -> None:
        for hop in HOPS:
            seconds = columns.latency_s if hop == "inference" else columns.end_to_end_s
            there = columns.failed | ~np.isnan(seconds)
            if f"{hop}.seconds" in layout.counts:
                bins = np.where(columns.failed, FAILED, bins_of(np.where(there & ~columns.failed, seconds, 1.0)))
                add(f"{hop}.seconds", bins, there)
            for of, name, _, bound in promised(layout):
                if of == hop:
                    over = (columns.failed | (seconds > bound)).astype(np.int64)
                    add(Count(f"{hop}.over_{name}", 2, short_hash(bound)).key, over, there)

    def monitors(self, layout: "Layout") -> Sequence[Monitor]:
        found = []
        for row, segment in enumerate(layout.segments):
            for hop, name, q, bound in promised(layout):
                key = Count(f"{hop}.over_{name}", 2, short_hash(bound)).key
                stream = Stream(key, np.array([0, 1]), np.array([1]), 1 - q, "up", f"{bound * 1000:g} ms")
                found.append(_monitor(segment, row, f"{hop}_{name}", stream, None))
            found += self._against_reference(layout, row, segment)
            found += _faster(layout, row, segment)
        return found

    def _against_reference(self, layout: "Layout", row: int, segment: str) -> list[Monitor]:
        counts = layout.reference_counts("inference.seconds")
        if counts is None or counts[row].sum() < EVENTS_MIN:
            return []
        found = []
        for name, q in QUANTILES.items():
            usual = quantile(counts[row, :N_BINS], q)
            if usual is None or (name == "p99" and counts[row].sum() < 1000):
                continue
            over = np.arange(first_over(usual), N_BINS + 1)
            k, n = int(counts[row, over].sum()), int(counts[row].sum())
            key = f"latency:inference_usual_{name}/{segment}"
            # the quantile itself may move up to the bound; the usual share over it would call a wander of 3 % a fault
            line = max(1 - q, line_of(layout, key, k, n, 0.0))
            label = f"{SLACK} times the usual {name} of {1000 * usual:.3g} ms"
            stream = Stream("inference.seconds", np.arange(N_BINS + 1), over, line, "up", label)
            found.append(_monitor(segment, row, f"inference_usual_{name}", stream, k / n))
        return found

    def explain(self, seen: Seen) -> Explained:
        where = seen.where
        share = f"{100 * (seen.current or 0):.3g} %"
        if seen.subject == LOWER:
            usual, over = f"usual: {100 * (seen.reference or 0):.3g} %", (seen.current or 0) > min(0.5, (seen.reference or 0) - FAST_MORE)
            why = "no longer faster" if over else "ask what is no longer done"
            return Explained("LatencyFell", f"{share} of calls{where} take longer than {seen.label} ({usual}): {why}.", NEWS_RUNBOOK)
        if "_usual_" in seen.subject:
            usual = f"usual: {100 * (seen.reference or 0):.2g} %, at most {100 * (seen.line or 0):.2g} %"
            text = f"{share} of calls{where} fail or take longer than {seen.label} ({usual})."
        else:
            text = f"{share} of calls{where} fail or take longer than the promised {seen.label} ({100 * (seen.line or 0):.2g} % may)."
        return Explained("LatencyOverPromise", text, RUNBOOK)


def _faster(layout: "Layout", row: int, segment: str) -> list[Monitor]:
    counts = layout.reference_counts("inference.seconds")
    usual = None if counts is None else quantile(counts[row, :N_BINS], 0.5)
    if counts is None or usual is None or counts[row].sum() < EVENTS_MIN:
        return []
    fast: Ints = np.arange(int(np.searchsorted(edges(), usual * HALF, "right")) - 1)  # rounded down to an edge of the histogram
    k, n = int(counts[row, fast].sum()), int(counts[row].sum())
    if not len(fast):
        return []
    like = f"latency:inference_usual_p50/{segment}"
    line = max(0.5, line_of(layout, like, k, n, FAST_MORE))
    stream = Stream("inference.seconds", np.arange(N_BINS + 1), fast, line, "down", f"half the usual p50 of {1000 * usual:.3g} ms")
    return [
        Monitor(
            "latency", LOWER, segment, row, False, CLEAR_DAYS, (stream,), None, 1 - k / n, "1", "share over the bound", LOWER, 1 - line,
            news=True, like=like,
        )
    ]  # fmt: skip


def _monitor(segment: str, row: int, subject: str, stream: Stream, reference: float | None) -> Monitor:
    """reference: the usual share over the bound; None: read from the reference's counts, if there are any."""
    line = stream.line
    return Monitor(
        "latency", subject, segment, row, True, CLEAR_DAYS, (stream,), None, reference, "1", "share over the bound", subject, line
    )


WATCH = Latency()
