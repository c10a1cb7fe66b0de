"""58 metrics of the Numenta Anomaly Benchmark, each a model of its own: a forecast by the newest value. Reference: its first 15 %, as NAB has it."""

import json
from collections.abc import Callable
from functools import cache, partial

from tests.realdata.reading import HOUR_MS, Stream, contract_of, folder, in_time, known, ms, predicted, table
from tests.realdata.shown import Claim, Shown, heard

from anchorwatch.runtime.backtest import Told
from anchorwatch.runtime.report_table import Row

PROBATION, PROBATION_MIN, PROBATION_MAX = 0.15, 310, 750  # rows, as NAB scores; fewer than 300 are no reference of ours
QUIET = (
    *(f"artificialNoAnomaly/art_{name}" for name in ("daily_no_noise", "daily_perfect_square_wave", "daily_small_noise", "flatline", "noisy")),
    "realAWSCloudwatch/ec2_cpu_utilization_c6585a",
)  # fmt: skip
KNOWN_CAUSE = "realKnownCause/"
FEW, WIDENED = 3, 0.1  # values; of the reference's range, as the product widens it


@cache
def _rows() -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for row in table("nab"):
        found.setdefault(row["series"], []).append((ms(row["ts"]), float(row["value"])))
    return {name: sorted(rows, key=lambda row: row[0]) for name, rows in found.items()}  # one real clock went backwards


def maker(name: str) -> Callable[[], Stream]:
    return lambda: stream(name)


def stream(name: str) -> Stream:
    contract, rows = contract_of("nab"), _rows()[name]
    until = rows[min(max(int(PROBATION * len(rows)), PROBATION_MIN), PROBATION_MAX)][0]
    events = []
    for i, (at, value) in enumerate(rows):
        events.append(predicted(contract, at, str(i), value, {"value": value}))
        if i:
            events.append(known(contract, at, str(i - 1), value))
    return Stream(name, contract, in_time(events), until)


@cache
def windows() -> dict[str, list[tuple[int, int]]]:
    """Labelled ones, by series."""
    labels = json.loads((folder() / "nab_labels.json").read_text("utf-8"))["windows"]
    return {name: [(ms(a.partition(".")[0]), ms(b.partition(".")[0])) for a, b in found] for name, found in labels.items()}


def _inside(name: str, row: Row) -> bool:
    return any(begin <= row.at_ms <= end + HOUR_MS for begin, end in windows()[name])


def _counted(told: tuple[Told, ...], kind: str, part: str) -> tuple[int, int, int, int]:
    """(labelled windows with something loud inside, all labelled windows that end after the reference, loud inside any, loud outside)."""
    hit = every = inside = outside = 0
    for name, found in zip(RUNS, told, strict=True):
        if not name.startswith(part):
            continue
        rows, begin = heard(found, kind=kind), found.course.events[0].at_ms
        judged = [(a, b) for a, b in windows()[name] if b > begin]
        every += len(judged)
        hit += sum(any(a <= r.at_ms <= b + HOUR_MS for r in rows) for a, b in judged)
        inside += sum(_inside(name, r) for r in rows)
        outside += sum(not _inside(name, r) for r in rows)
    return hit, every, inside, outside


def _why_missed(told: tuple[Told, ...], part: str) -> dict[str, int]:
    """Windows without a sound, by what there was to hear: an alert that stood already, or how many values lay outside the reference's range."""
    why = dict.fromkeys(("an alert stood already", "no value out of the usual range", f"{FEW} values out of it at most", "more"), 0)
    for name, found in zip(RUNS, told, strict=True):
        rows, begin = heard(found), found.course.events[0].at_ms
        usual = [value for at, value in _rows()[name] if at < begin]
        slack = WIDENED * (max(usual) - min(usual))
        for a, b in windows()[name] if name.startswith(part) else ():
            if b <= begin or any(a <= r.at_ms <= b + HOUR_MS for r in rows):
                continue
            odd = sum(a <= at <= b and not min(usual) - slack <= value <= max(usual) + slack for at, value in _rows()[name])
            stood = any(r.at_ms < a and (r.until_ms is None or r.until_ms > a) for r in rows)
            why[list(why)[0 if stood else 1 if not odd else 2 if odd <= FEW else 3]] += 1
    return why


def found_inside(part: str, *told: Told) -> Shown:
    """Windows of NAB hold hundreds of values around one or two odd ones. We judge rates that moved: three values in a row cost nobody a page."""
    hit, every, inside, outside = _counted(told, "", part)
    pages = _counted(told, "page", part)
    words = f"{hit} of {every} windows, {inside} of {inside + outside} alerts lie inside one; pages alone: {pages[0]} of {every}, {pages[2]} of "
    words += f"{pages[2] + pages[3]}; of the others: " + ", ".join(f"{n} {why}" for why, n in _why_missed(told, part).items())
    return Shown(2 * hit >= every, words)


def quiet_ones(*told: Told) -> Shown:
    rows = {name: heard(found) for name, found in zip(RUNS, told, strict=True) if name in QUIET}
    pages = [name for name, found in rows.items() if any(r.heard == "page" for r in found)]
    return Shown(not pages, f"pages on {len(pages)} of {len(rows)}, {sum(map(len, rows.values()))} alerts of any kind")


RUNS = tuple(sorted(windows())) if folder().is_dir() else ()
CLAIMS = (
    Claim("nab", "true causes known: something is loud inside half of the labelled windows", partial(found_inside, KNOWN_CAUSE), RUNS),
    Claim("nab", "all 58: something is loud inside half of the labelled windows", partial(found_inside, ""), RUNS),
    Claim("nab", "no page on the six quiet series", quiet_ones, RUNS),
)
