"""How is each model? The newest summary of the judge and the open alerts, as one row a model."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec

from anchorwatch.config import Settings
from anchorwatch.engine.tail import Told, tail
from anchorwatch.errors import UNREADABLE
from anchorwatch.events import Alert, Applied, Summary
from anchorwatch.runtime import contracts
from anchorwatch.stages.trust import NO_COMPLAINT, UNHEARD

State = Literal["firing", "acknowledged", "recovering", "dark", "switched off", "retired", "learning", "watching", "no word"]
SIGNS: Mapping[State, str] = {
    "firing": "●", "acknowledged": "◍", "recovering": "◔", "dark": "○", "switched off": "○", "retired": "○", "learning": "◌",
    "watching": "✓", "no word": "?",
}  # fmt: skip
BAD = ("firing", "dark", "switched off", "no word")  # what somebody should look at
LABELS_MIN = 30  # of a segment that is named as the worst
SUMMARY, ALERT = msgspec.json.Decoder(Summary), msgspec.json.Decoder(Alert)
OPEN: tuple[State, ...] = ("firing", "acknowledged", "recovering")


class Row(NamedTuple):
    """One model. None: not known."""

    model: str
    environment: str
    state: State
    at_ms: int | None  # event time of the summary
    predictions: int | None
    p99_ms: float | None
    metric: str
    quality: float | None
    interval: tuple[float, float] | None
    labels: int | None
    worst: tuple[str, float] | None  # segment, quality: the lowest one, where it is below the whole
    alerts: tuple[str, ...]  # summaries of what is open, the loudest first
    reason: str  # why a number is not there
    estimated: str  # errors by the labels so far and by the scores, while labels come
    owner: str
    followed: float | None = None  # share of decisions, where they are expected
    unheard: bool = False  # they are expected, and none came
    metrics: Mapping[str, float | None] = MappingProxyType({})  # of the whole, all that its labels tell
    complained: float | None = None  # share of predictions, where complaints are expected
    no_complaint: bool = False  # they are, and none came


def read(settings: Settings, since_ms: int) -> tuple[dict[str, Summary], list[Alert]]:
    """The newest summary of each model since then, and the alerts that are open. Raises TopicsMismatch, Unreachable."""
    summaries = newest(tail(settings.kafka, [settings.topic("findings")], since=since_ms, until_end=True))
    return summaries, opened(tail(settings.kafka, [settings.topic("alerts.state")], since="beginning", until_end=True))


def models(settings: Settings, since_ms: int, alerts: Iterable[Alert]) -> set[str]:
    """`<environment>/<model>` of all that a contract, an alert or a summary since then names. Raises as `read`."""
    owned = owners(contracts.of_folder(settings), contracts.in_force(settings))
    told = newest(tail(settings.kafka, [settings.topic("findings")], since=since_ms, until_end=True))
    return {*owned, *told, *(f"{alert.labels['environment']}/{alert.labels['model']}" for alert in alerts)}


def newest(found: Iterable[Told]) -> dict[str, Summary]:
    """Of each `<environment>/<model>`; findings are passed over."""
    summaries: dict[str, Summary] = {}
    for told in found:
        if told.value is None or b'"summary.v1"' not in told.value:
            continue
        try:
            summary = SUMMARY.decode(told.value)
        except UNREADABLE:
            continue  # of another version
        key = f"{summary.environment}/{summary.model}"
        if key not in summaries or summary.at_ms >= summaries[key].at_ms:
            summaries[key] = summary
    return summaries


def opened(found: Iterable[Told]) -> list[Alert]:
    latest: dict[bytes | None, Alert] = {}
    for told in found:
        latest.pop(told.key, None)
        if told.value is not None:
            try:
                latest[told.key] = ALERT.decode(told.value)
            except UNREADABLE:
                continue  # of another version
    return [alert for alert in latest.values() if alert.state != "resolved"]


def rows(known: Mapping[str, str], summaries: Mapping[str, Summary], alerts: Sequence[Alert]) -> list[Row]:
    """known: `<environment>/<model>` with a contract -> owner. The worst first, then by name."""
    keys = known.keys() | summaries.keys() | {f"{a.labels['environment']}/{a.labels['model']}" for a in alerts}
    found = []
    for key in keys:
        own = [a for a in alerts if f"{a.labels['environment']}/{a.labels['model']}" == key]
        found.append(_row(key, known.get(key), summaries.get(key), own))
    order = list(SIGNS)
    return sorted(found, key=lambda row: (order.index(row.state), row.model, row.environment))


def _row(key: str, owner: str | None, summary: Summary | None, alerts: list[Alert]) -> Row:
    environment, _, model = key.partition("/")
    rank = {"critical": 0, "warning": 1, "info": 2}
    alerts = sorted(alerts, key=lambda a: (OPEN.index(a.state) if a.state in OPEN else 9, rank[a.labels["severity"]]))
    words = tuple(a.annotations.get("summary", a.dedup_key) for a in alerts)
    state = _state(summary, [a for a in alerts if a.labels["severity"] != "info"], known=owner is not None)
    if summary is None:
        return Row(model, environment, state, None, None, None, "", None, None, None, None, words, "no summary", "", owner or "nobody")
    column = {name: values[0] if values else None for name, values in summary.columns.items()}
    low, high = column.get("quality_low"), column.get("quality_high")
    return Row(
        model, environment, state, summary.at_ms, _whole(column.get("predictions")), column.get("p99_ms"),
        summary.reasons.get("metric", ""), column.get("quality"), (low, high) if low is not None and high is not None else None,
        _whole(column.get("labels")), _worst(summary), words, _note(summary), _estimated(column), summary.owner or owner or "nobody",
        column.get("followed"), summary.reasons.get("impact", "") == UNHEARD, summary.metrics,
        column.get("complained"), summary.reasons.get("complaints", "") == NO_COMPLAINT,
    )  # fmt: skip


def _note(summary: Summary) -> str:
    """How far a model is that learns; else why it has no quality yet."""
    return summary.reasons.get("state", "").partition("; ")[2] or summary.reasons.get("quality", "")


def _estimated(column: Mapping[str, float | None]) -> str:
    value, low, high = (column.get(name) for name in ("error_corrected", "error_corrected_low", "error_corrected_high"))
    if value is None or low is None or high is None:
        return ""
    expected = column.get("error_expected")
    return f"errors so far {value:.2f} [{low:.2f}, {high:.2f}]" + ("" if expected is None else f", by scores {expected:.2f}")


def _state(summary: Summary | None, alerts: Sequence[Alert], *, known: bool) -> State:
    if summary is not None and summary.traffic == "retired":
        return "retired"
    for state in OPEN:
        if any(alert.state == state for alert in alerts):
            return state
    if summary is None:
        return "no word" if known else "watching"
    for off in ("switched off", "dark"):
        if summary.traffic == off:
            return "switched off" if off == "switched off" else "dark"
    return "learning" if summary.state == "learning" else "watching"


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _worst(summary: Summary) -> tuple[str, float] | None:
    quality, labels = summary.columns.get("quality", []), summary.columns.get("labels", [])
    if not quality or quality[0] is None:
        return None
    judged = [
        (value, name)
        for name, value, n in zip(summary.segments, quality, labels, strict=True)
        if value is not None and n is not None and n >= LABELS_MIN and name not in ("whole", "other")
    ]
    low, name = min(judged, default=(quality[0], ""))
    return (name, low) if low < quality[0] else None


def owners(files: Sequence[Applied], applied: Mapping[str, Applied]) -> dict[str, str]:
    """`<environment>/<model>` -> team; what was applied wins."""
    found: dict[str, str] = {}
    for contract in [*(each.contract for each in files), *(each.contract for each in applied.values())]:
        found[f"{contract.get('environment', 'prod')}/{contract['model']}"] = str(contract.get("owner", {}).get("team", "")) or "nobody"
    return found


def line(row: Row, width: int = 0) -> str:
    """fraud  prod  ● firing  1,998 predictions  p99 41 ms  f1 0.73 [0.71, 0.75]  country=DE 0.61 ▼  1,180 labels  risk-ml"""
    words = [f"{row.model:<{width}}", row.environment, f"{SIGNS[row.state]} {row.state}"]
    if row.predictions is not None:
        words.append(f"{row.predictions:,} predictions")
    if row.p99_ms is not None:
        words.append(f"p99 {row.p99_ms:.3g} ms")
    if row.quality is not None:
        interval = f" [{row.interval[0]:.2f}, {row.interval[1]:.2f}]" if row.interval else ""
        words += [f"{row.metric} {row.quality:.2f}{interval}", f"{row.labels or 0:,} labels"]
    elif row.reason:
        words.append(row.reason)
    if row.estimated:
        words.append(row.estimated)
    if row.worst:
        words.append(f"{row.worst[0]} {row.worst[1]:.2f} ▼")
    if row.followed is not None:
        words.append(f"followed {100 * row.followed:.3g} %")
    elif row.unheard:
        words.append("no decision came")
    if row.complained is not None:
        words.append(f"complaints {100 * row.complained:.3g} %")
    elif row.no_complaint:
        words.append("no complaint came")
    return "  ".join([*words, row.owner.rpartition("/")[2]])


def lines(row: Row, width: int = 0, *, alone: bool = False) -> list[str]:
    """Its line, what is open, and, of a model that was asked for alone, all metrics that its labels tell."""
    numbers = [f"{name} {'not measurable' if value is None else f'{value:.3g}'}" for name, value in sorted(row.metrics.items())]
    more = [*row.alerts, "  ".join(numbers)] if alone and numbers else row.alerts
    return [line(row, width), *(f"{'':<{width}}  {words}" for words in more)]


def as_json(row: Row) -> dict[str, Any]:
    return row._asdict()
