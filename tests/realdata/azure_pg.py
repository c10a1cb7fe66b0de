"""PostgreSQL latencies on Azure machines, 16 fleets, 16 months that behave alike. The first 120 days are the reference."""

from collections.abc import Callable
from functools import partial

import numpy as np
from tests.realdata.reading import DAY_MS, HOUR_MS, Stream, contract_of, in_time, ms, predicted, table
from tests.realdata.shown import Claim, Shown, day, heard, told_of

from anchorwatch.runtime.backtest import Told

UNTIL = ms("2023-05-28T22:00") + 120 * DAY_MS
INJECTED = UNTIL + 60 * DAY_MS
FLEET = "rw-short-westus2-B8ms"  # the third smallest: 19 calls a day; its calls take 8.9 or 19 ms, whichever machine they meet
EVEN = "rw-long-eastus-B8ms"  # the smallest, of even latencies: p99 is 1.08 times p50
SLOWER = 1.5
SLOW_SHARE, SLOW_MODE = 0.05, 3.0


def quiet() -> Stream:
    return _stream(lambda fleet, at, latency: latency)


def slower() -> Stream:
    """Half as slow again, from one day on, in one fleet of 16."""
    return _stream(lambda fleet, at, latency: latency * SLOWER if fleet == FLEET and at >= INJECTED else latency)


def slow_mode(fleet: str) -> Stream:
    """One call in twenty of that fleet takes three times as long."""
    toss = np.random.default_rng(30)

    def changed(of: str, at: int, latency: float) -> float:
        hit = of == fleet and at >= INJECTED and toss.random() < SLOW_SHARE
        return latency * SLOW_MODE if hit else latency

    return _stream(changed)


def _stream(changed: Callable[[str, int, float], float]) -> Stream:
    contract = contract_of("pg")
    events = []
    for i, row in enumerate(table("azure_vm_pg_latency")):
        at, fleet = ms(row["ts"]), "-".join(row[name] for name in ("mode", "lifespan", "region", "sku"))
        latency = changed(fleet, at, float(row["latency_ms"]))
        events.append(predicted(contract, at, str(i), "done", {}, segments={"fleet": fleet}, latency_ms=round(latency, 3)))
    return Stream("azure_vm_pg_latency", contract, in_time(events), UNTIL, window_ms=3 * HOUR_MS)


def a_quiet_year(found: Told) -> Shown:
    pages, warnings = heard(found, kind="page"), heard(found, kind="warning")
    return Shown(len(pages) <= 1, f"{len(pages)} pages ({told_of(pages)}), {len(warnings)} warnings")


def found_in_the_fleet(fleet: str, found: Told) -> Shown:
    """The right fleet alone, after how many of its calls, and what else was loud about the one fault."""
    after = [r for r in heard(found, name="LatencyOverPromise") if r.at_ms > INJECTED]
    first = next((r for r in after if r.segment == f"fleet={fleet}" and r.heard == "page"), None)
    others = [r for r in after if r.segment not in (f"fleet={fleet}", "whole")]
    if first is None:
        return Shown(False, f"no page; alerts: {told_of(after)}")
    calls = sum(e.role == "predictions" and fleet.encode() in e.value and INJECTED <= e.at_ms < first.at_ms for e in found.course.events)
    words = f"page after {calls} of its calls, {(first.at_ms - INJECTED) / HOUR_MS:.0f} h, dated {day(first.since_ms)}"
    return Shown(not others, f"{words}; alerts on others: {len(others)}; pages until the end: {sum(r.heard == 'page' for r in after)}")


CLAIMS = (
    Claim("azure_pg, quiet", "0 to 1 pages in 364 days", a_quiet_year),
    Claim("azure_pg, one fleet x1.5", "a page on that fleet alone", partial(found_in_the_fleet, FLEET)),
    Claim("azure_pg, 5 % of that fleet x3", "a page on that fleet alone", partial(found_in_the_fleet, FLEET)),
    Claim("azure_pg, 5 % of an even fleet x3", "a page on that fleet alone", partial(found_in_the_fleet, EVEN)),
)
