"""What this version makes of a contract: what it would run wrongly (refused by `check`), does not judge yet, and fills in by itself."""

from collections.abc import Callable, Iterator

from anchorwatch.contract.faults import Fault
from anchorwatch.contract.model import READ as ROLES
from anchorwatch.contract.model import Contract
from anchorwatch.contract.values import duration_text

READ: dict[str, tuple[str, ...]] = {  # formats that this version reads, and what comes in them
    **dict.fromkeys(("native", "json"), ROLES),
    **dict.fromkeys(("kserve", "oip"), ("predictions",)),
    "sagemaker": ("predictions", "outcomes"),
}


def _topic_alone(contract: Contract) -> bool:
    return contract.source.decisions.topic is not None and not contract.expects_decisions


def _explored_for_nothing(contract: Contract) -> bool:
    return bool(contract.labels.explored and not contract.baseline and not contract.labels.hidden_when)


def _explored_otherwise(contract: Contract) -> bool:
    explored = contract.labels.explored
    return bool(explored and explored.arm != "baseline" and not contract.labels.hidden_when)


def _hidden_ratio(contract: Contract) -> bool:
    """No stratum shows all cells of a ratio, and nothing is weighted inside a detector."""
    promised = contract.promises.quality
    return bool(contract.labels.hidden_when and promised and promised.metric in ("f1", "precision", "recall", "roc_auc"))


NOT_YET: tuple[tuple[str, Callable[[Contract], object]], ...] = (
    ("source.decisions without decisions or promises.impact.followed_at_least", _topic_alone),
    ("labels.explored without baseline or labels.hidden_when", _explored_for_nothing),
    ("labels.explored of another arm than baseline", _explored_otherwise),
    ("arms of a baseline with labels.hidden_when", lambda contract: contract.labels.hidden_when and contract.baseline),
    ("promises.quality.metric f1, precision, recall or roc_auc with labels.hidden_when", _hidden_ratio),
    ("segments.discover of a regression", lambda contract: contract.segments.discover and contract.task == "regression"),
    ("baseline of a regression", lambda contract: contract.baseline and contract.task == "regression"),
)


def not_judged(contract: Contract) -> list[str]:
    """`X is accepted, but not judged in this version`, one sentence each."""
    names = [name for name, present in NOT_YET if present(contract)]
    return [f"{name} is accepted, but not judged in this version" for name in names]


def refused(contract: Contract) -> Iterator[Fault]:
    """What this version would read wrongly: better no judgement than a wrong one."""
    for role in ROLES:
        source, at = contract.source.of(role), ("source", role)
        if source.format not in READ:
            yield (*at, "format"), f"not in this version; it reads {', '.join(READ)}: say with json and fields where each value stands"
        elif role not in READ[source.format]:
            yield (
                (*at, "format"),
                f"holds {' and '.join(READ[source.format])} alone; of {role} say with json and fields where each value stands",
            )


def defaulted(contract: Contract) -> list[str]:
    """Defaults that change what is judged, so that nobody is surprised by them."""
    labels, source, reference = contract.labels, contract.source, contract.reference
    lines = [f"source.{role}: the standard topic" for role in ("predictions", "outcomes") if source.of(role).topic is None]
    if labels.positive is not None and "positive" not in labels.model_fields_set:
        lines.append(f"labels.positive = {labels.positive}: the second class")
    if labels.delay.typical is None or labels.delay.late is None:
        lines.append("labels.delay: typical and late are taken from the reference")
    if "final" not in labels.delay.model_fields_set:
        lines.append(f"labels.delay.final = {duration_text(labels.delay.final)}: an outcome that comes later counts for nothing")
    if not contract.features:
        lines.append("features: none declared; inputs are judged by their names and types alone")
    if not contract.segments.by:
        lines.append("segments.by: none; only the whole is judged")
    if reference.window is None and not reference.model_fields_set & {"last", "lag"}:
        lines.append(f"reference = last {duration_text(reference.last)}, {duration_text(reference.lag)} ago")
    if contract.promises.quality is None:
        lines.append("promises.quality: none; quality is judged against the reference")
    for what, key, expected in (
        ("decisions", "within", contract.expects_decisions),
        ("complaints", "complaints_within", contract.expects_complaints),
    ):
        if expected and getattr(contract.promises.impact, key, None) is None:
            lines.append(f"promises.impact.{key}: the reference's p95 of {what}; without any, as old as predictions are for their labels")
    if contract.promises.alive.silent_after is None:
        lines.append("promises.alive.silent_after: three times the longest gap of the reference, a minute at least")
    return lines
