"""An alert's arithmetic as steps, from what its record holds; nothing else is asked, so an alert of last year is explained as well."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
from rich.table import Table
from rich.text import Text

from anchorwatch.cli._alerts_shown import clean, console
from anchorwatch.estimators.bank import WARN_SHARE
from anchorwatch.estimators.tables import LAM, bernoulli
from anchorwatch.events import Alert


class Step(NamedTuple):
    name: str
    words: str


class Explained(NamedTuple):
    alert: Alert
    steps: list[Step]


def explained(alert: Alert) -> Explained:
    """Steps that an exact rule, or a record of an older version, does not know are left out."""
    e = alert.evidence
    steps = [Step("says", alert.annotations.get("summary", "")), Step("asked", _asked(alert))]
    if e.get("detector") == "rule":
        steps.append(Step("rule", "exact: no statistics, outside the alert budget; it ends with its fault"))
    elif alert.outside_budget and e.get("detector"):
        steps.append(Step("advice", f"the detector {e['detector']}, which the contract names: outside the alert budget, never a page"))
    else:
        steps += [Step("reference", _reference(e)), Step("line", _line(e)), Step("since", _since(alert))]
        steps += [Step("bets", _bets(e)), Step("evidence", _evidence(e)), Step("mark", _mark(alert)), Step("advice", _advice(e))]
    steps += [Step("affected", _affected(e)), Step("clean", _clean(e)), Step("offsets", _offsets(e))]
    return Explained(alert, [step for step in steps if step.words])


def table(found: Explained) -> None:
    rows = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, words in found.steps:
        rows.add_row(name, Text(clean(words)))
    console().print(rows)


def json_line(found: Explained) -> None:
    steps = {step.name: step.words for step in found.steps}
    sys.stdout.write(msgspec.json.encode({"id": found.alert.id, "dedup_key": found.alert.dedup_key, "steps": steps}).decode() + "\n")


# the steps


def _asked(alert: Alert) -> str:
    names = alert.labels
    where = "everything" if names["segment"] == "whole" else names["segment"]
    what = f"{names['watch']} of {names['model']} in {names['environment']}: {names.get('subject', '')}"
    return f"{what}, of {where}{', ' + str(alert.evidence['label']) if alert.evidence.get('label') else ''}"


def _reference(e: Mapping[str, Any]) -> str:
    if e.get("reference") is None:
        return "none: the line is promised by the contract"
    n = f", of {e['reference_n']:,} events" if e.get("reference_n") else ""
    return f"{_number(e, 'reference')}{n}"


def _line(e: Mapping[str, Any]) -> str:
    if e.get("line") is None:
        return ""
    if e.get("table") == "rank":
        return f"P(live > reference) within {_number(e, 'line')} of one half: nobody cares about less"
    gap = "" if e.get("reference") is None else f", {abs(e['line'] - e['reference']):.4g} from the reference"
    return f"{_number(e, 'line')}{gap}: nobody cares about what lies on its good side, however much data says so"


def _since(alert: Alert) -> str:
    e = alert.evidence
    around = e.get("change_interval_ms")
    between = f" (between {_clock(around[0])} and {_clock(around[1])})" if around else ""
    interval = e.get("interval")
    span = f", in [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
    now = f": {_number(e, 'current')} of {e.get('n', 0):,} events{span}" if e.get("current") is not None else ""
    drawn = f", of {e['drawn_of_window']:,} of a window at most, drawn by the hash of their ids" if e.get("drawn_of_window") else ""
    return f"{_clock(e.get('change_point_ms', 0))}{between}{now}{drawn}"


def _advice(e: Mapping[str, Any]) -> str:
    """What river's ADWIN, and detectors that the contract names, take for the present."""
    told = [
        f"{name} takes the last {level['n']:,} for one kind, of mean {level['mean']:.3g}" for name, level in e.get("advice", {}).items()
    ]
    return f"{'; '.join(told)} (no part of the decision)" if told else ""


def _bets(e: Mapping[str, Any]) -> str:
    """The loudest of the six bets of a 0/1 stream, recomputed from its counts; other tables are named."""
    if e.get("table") != "0/1" or e.get("current") is None or not e.get("n") or e.get("line") is None:
        return {"rank": "twelve bets on ranks in the reference's bins, eight on place, four on spread", "bets": "six bets, by cell"}.get(
            str(e.get("table")), ""
        )
    fall = e.get("direction") == "down"
    line, p = (1 - e["line"], 1 - e["current"]) if fall else (e["line"], e["current"])
    ones = round(p * e["n"])
    gains = bernoulli(line) / max(float(e.get("phi") or 1.0), 1.0)
    total = gains @ np.array([e["n"] - ones, ones])
    best = int(total.argmax())
    zero, one = np.exp(gains[best])
    clumped = f" (gains divided by {e['phi']:.3g}, since events clump)" if (e.get("phi") or 1) > 1 else ""
    return (
        f"the loudest of {len(LAM)} bets against the line wins x{one:.4g} with each of {ones:,}"
        f" and loses to x{zero:.4g} with each of {e['n'] - ones:,}: e^{total[best]:.3g}{clumped}"
    )


def _evidence(e: Mapping[str, Any]) -> str:
    if e.get("evidence_days") is None:
        return ""
    share = f", where this monitor earns {e['share']:.3g} days of credit a day" if e.get("share") is not None else ""
    if e.get("lent_days"):
        share = f", of which {e['lent_days']:.3g} were lent at once when the slice was suspected; only what was judged later counts"
    return f"{e['evidence_days']:.4g} days{share}: by luck, something in this model gets here once in {e['evidence_days']:.3g} days"


def _mark(alert: Alert) -> str:
    page_at = alert.evidence.get("page_at_days")
    if page_at is None:
        return ""
    if alert.labels["severity"] == "info":
        return f"{page_at:.4g} days are news (pages_per_month and the contract's weight say so), on a list of its own; reached: told once, as info"
    reached = {"critical": "reached: a page", "warning": "a tenth of it reached: a warning"}.get(alert.labels["severity"], "")
    return f"{page_at:.4g} days pages, {page_at * WARN_SHARE:.4g} warns (pages_per_month and the contract's weight say so); {reached}"


def _affected(e: Mapping[str, Any]) -> str:
    span = e.get("affected_ms")
    return f"{_clock(span[0])} to {_clock(span[1])} and on" if span else ""


def _clean(e: Mapping[str, Any]) -> str:
    if "last_clean_window_ms" not in e:
        return ""
    span = e["last_clean_window_ms"]
    return f"{_clock(span[0])} to {_clock(span[1])} was the last window before it" if span else "no window: it is as old as the watch"


def _offsets(e: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} [{first}, {end})" for name, (first, end) in sorted((e.get("offsets") or {}).items()))


def _number(e: Mapping[str, Any], name: str) -> str:
    value = e[name]
    return f"{100 * value:.4g} %" if e.get("unit") == "1" and e.get("table") == "0/1" else f"{value:.4g}"


def _clock(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
