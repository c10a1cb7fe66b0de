"""What one part of a contract says about another: each rule yields (path, what is wrong and what to do)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

from anchorwatch.contract import fields
from anchorwatch.contract.faults import Fault, Kind, Rule, nearest
from anchorwatch.contract.model import READ, Contract, Grouping
from anchorwatch.contract.reading import Path
from anchorwatch.contract.values import duration_text

WATCHES = frozenset(("latency", "inputs", "predictions", "quality", "baseline", "impact", "alive", "volume", "labels", "slices"))
FORMATS = frozenset(
    ("native", "json", "kserve", "oip", "seldon", "mlserver", "hopsworks", "sagemaker", "databricks", "bentoml", "feast", "arize")
)
AT_LEAST = frozenset(("accuracy", "f1", "precision", "recall", "roc_auc"))  # shares; the others are errors: `at_most`
OF_NUMBERS = frozenset(("mae", "rmse"))
OF_ONE_CLASS = frozenset(("f1", "precision", "recall"))

# keys of drafts, and words that people bring from neighbouring tools
REMOVED: dict[Path, str] = {
    ("name",): "write model",
    ("version",): "write contract: 1; versions of a model come with its predictions (model_version)",
    ("type",): "write task: binary, multiclass or regression",
    ("team",): "write owner: {team: …}",
    ("topics",): "write source: {predictions: {topic: …}, outcomes: {topic: …}}",
    ("slo",): "write promises",
    ("slos",): "write promises",
    ("thresholds",): "write promises; what is not promised is judged against the reference",
    ("alerts",): "write promises and owner; how often may be paged stands once for the fleet, in anchorwatch.yaml (pages_per_month)",
    ("pages_per_month",): "it stands once for the fleet, in anchorwatch.yaml; this model's share is budget: {weight: 1}",
    ("labels", "delay_max"): "write delay: {final: …}",
    ("labels", "positive_class"): "write positive",
    ("features", "*", "dtype"): "write type: number, category, text or bool",
    ("features", "*", "min"): "write range: [from, to]",
    ("features", "*", "max"): "write range: [from, to]",
    ("features", "*", "missing"): "write missing_max, a share 0..1",
    ("promises", "latency", "p50"): "write inference_p50 or end_to_end_p50",
    ("promises", "latency", "p90"): "write inference_p90 or end_to_end_p90",
    ("promises", "latency", "p95"): "write inference_p95 or end_to_end_p95",
    ("promises", "latency", "p99"): "write inference_p99 or end_to_end_p99",
    ("promises", "quality", "tolerance"): "write tolerate",
    ("promises", "quality", "min"): "write at_least",
    ("promises", "quality", "max"): "write at_most",
    ("watches", "*", "enabled"): "write disabled: <the reason>, with until: <a date>",
}


def kind(watches: frozenset[str], detectors: frozenset[str] | None, formats: frozenset[str], *, owned: bool) -> Kind[Contract]:
    """What a contract file may hold; `detectors` None: any name."""
    rules = [
        Rule((("timezone",),), _timezone),
        Rule((("task",), ("labels", "classes")), _classes),
        Rule((("labels", "classes"), ("task",), ("labels", "positive"), ("labels", "after_final")), _named_classes),
        Rule((("labels", "delay"),), _delay),
        Rule((), _features),
        Rule((("segments", "by"), ("segments", "always")), _always),
        Rule((("segments", "by"),), _groupings),
        Rule((("reference",),), _reference),
        Rule((("promises", "latency"),), _latency),
        Rule((("promises", "quality"), ("task",), ("labels", "positive"), ("labels", "classes")), _quality),
        Rule((("promises", "impact"), ("labels", "delay")), _impact),
        Rule((("source",),), _complaints),
        Rule((("baseline", "value"), ("labels", "classes")), _values),
        Rule((("owner", "escalation"),), _escalation),
        Rule((), partial(_watches, watches=watches, detectors=detectors)),
        Rule((), partial(_formats, formats=formats)),
        Rule((("features",), ("segments", "by"), ("labels", "classes")), fields.names),
        Rule((("source",), ("features",), ("labels", "classes"), ("task",)), fields.complete),
    ]
    if owned:
        rules.append(Rule((("owner", "team"),), _owner))
    return Kind(Contract, tuple(rules), REMOVED, {"contract": 1, "model": "unnamed", "task": "multiclass"})


def _owner(contract: Contract) -> Iterator[Fault]:
    if not contract.owner.team:
        yield (
            ("owner", "team"),
            "is needed: who is woken (a group, a Backstage reference or a mail address); nothing is alerted without an owner",
        )


def _timezone(contract: Contract) -> Iterator[Fault]:
    if contract.timezone != "UTC":
        try:
            ZoneInfo(contract.timezone)
        except (ValueError, OSError, KeyError):
            yield ("timezone",), "no such time zone on this machine; write an IANA name, as Europe/Berlin (package tzdata holds them)"


def _classes(contract: Contract) -> Iterator[Fault]:
    classes, at = contract.labels.classes, ("labels", "classes")
    if contract.task == "regression":
        if classes or contract.labels.positive:
            yield at if classes else ("labels", "positive"), "a regression has no classes; leave it out, or write another task"
        return
    if not classes:
        yield at, f"is needed: the answers of a {contract.task} model, as [pass, block]"
    elif contract.task == "binary" and len(classes) != 2:
        yield at, f"a binary model has 2 classes, not {len(classes)}; write task: multiclass"
    elif len(classes) < 2:
        yield at, "must be 2 classes at least"
    yield from _twice(classes, at)


def _twice(names: Sequence[object], at: tuple[str, ...]) -> Iterator[Fault]:
    seen: set[object] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield (*at, number), "stands there twice; keep one"
        seen.add(name)


def _named_classes(contract: Contract) -> Iterator[Fault]:
    """Everything that names a class names a declared one."""
    labels = contract.labels
    named: list[tuple[tuple[str, ...], str | None]] = [(("labels", "positive"), labels.positive)]
    if labels.after_final != "unknown":
        named.append((("labels", "after_final"), labels.after_final))
    if labels.hidden_when:
        named.append((("labels", "hidden_when", "prediction"), labels.hidden_when.prediction))
    if contract.baseline:
        named.append((("baseline", "nothing"), contract.baseline.nothing))
    named += [(("decisions", name), name) for name in contract.decisions]
    if not labels.classes:
        return
    for path, name in named:
        if name is not None and name not in labels.classes:
            also = '"unknown" or ' if path[-1] == "after_final" else ""
            yield path, f"is no class; must be {also}one of labels.classes: {nearest(name, labels.classes)}"


def _delay(contract: Contract) -> Iterator[Fault]:
    delay = contract.labels.delay
    steps = [(name, ms) for name, ms in (("typical", delay.typical), ("late", delay.late), ("final", delay.final)) if ms is not None]
    for (low, low_ms), (high, high_ms) in pairwise(steps):
        if low_ms > high_ms:
            default = "" if high in delay.model_fields_set else " (the default)"
            yield ("labels", "delay", high), f"is {duration_text(high_ms)}{default}: must be at least {low}, {duration_text(low_ms)}"


def _features(contract: Contract) -> Iterator[Fault]:
    for name, feature in contract.features.items():
        at = ("features", name)
        if feature.range is not None and feature.type != "number":
            yield (*at, "range"), f"only a number has a range; this is a {feature.type}"
        if "values_max" in feature.model_fields_set and feature.type != "category":
            yield (*at, "values_max"), f"only a category has values to count; this is a {feature.type}"


def _groupings(contract: Contract) -> Iterator[Fault]:
    by = contract.segments.by
    seen: set[frozenset[str]] = set()
    for number, names in enumerate(by):
        if len(set(names)) < len(names):
            yield ("segments", "by", number), "names one segment twice"
        elif frozenset(names) in seen:
            yield ("segments", "by", number), "is there already; keep one"
        seen.add(frozenset(names))
    if len({name for names in by for name in names}) > 16:
        yield ("segments", "by"), "must name at most 16 segments; predictions carry no more"


def _always(contract: Contract) -> Iterator[Fault]:
    for number, written in enumerate(contract.segments.always):
        try:
            normal_segment(written, contract.segments.by)
        except ValueError as error:
            yield ("segments", "always", number), str(error)


def normal_segment(written: str, by: Iterable[Grouping]) -> str:
    """`tier=gold,country=DE` in the order of its grouping: `country=DE,tier=gold`. ValueError says what to do."""
    pairs = [part.partition("=") for part in written.split(",")]
    if any(not name.strip() or not value.strip() for name, _, value in pairs):
        raise ValueError("must be name=value, or name=value,name=value")
    values = {name.strip(): value.strip() for name, _, value in pairs}
    if len(values) < len(pairs):
        raise ValueError("names one segment twice")
    for names in by:
        if values.keys() == set(names):
            return ",".join(f"{name}={values[name]}" for name in names)
    wanted = next(iter(values)) if len(values) == 1 else f"[{', '.join(values)}]"
    raise ValueError(f"segments.by has no grouping {wanted}; add it there")


def _reference(contract: Contract) -> Iterator[Fault]:
    reference = contract.reference
    if reference.window is not None:
        if reference.window[0] >= reference.window[1]:
            yield ("reference", "window"), "must be [from, to] with from before to"
        for name in sorted(reference.model_fields_set & {"last", "lag"}):
            yield ("reference", name), "write either window or last and lag, not both"


def _latency(contract: Contract) -> Iterator[Fault]:
    for measure in ("inference", "end_to_end"):
        promised = [(f"{measure}_p{q}", getattr(contract.promises.latency, f"{measure}_p{q}")) for q in (50, 90, 95, 99)]
        for (low, low_ms), (high, high_ms) in pairwise([pair for pair in promised if pair[1] is not None]):
            if low_ms > high_ms:
                yield ("promises", "latency", high), f"must be at least {low}, {duration_text(low_ms)}"


def _quality(contract: Contract) -> Iterator[Fault]:
    promise, at = contract.promises.quality, ("promises", "quality")
    if promise is None:
        return
    numbers = contract.task == "regression"
    if numbers != (promise.metric in OF_NUMBERS):
        fitting = "mae or rmse" if numbers else "accuracy, error, f1, precision, recall or roc_auc"
        yield (*at, "metric"), f"does not fit task {contract.task}; must be {fitting}"
        return
    if promise.metric == "roc_auc" and contract.task != "binary":
        yield (*at, "metric"), f"does not fit task {contract.task}: it orders predictions of a binary model by their score"
    if promise.metric in OF_ONE_CLASS and contract.labels.positive is None and len(contract.labels.classes) != 2:
        yield (*at, "metric"), "is of one class against the others: name it in labels.positive"
    needed, other = ("at_least", "at_most") if promise.metric in AT_LEAST else ("at_most", "at_least")
    if getattr(promise, other) is not None:
        yield (*at, other), f"for {promise.metric} write {needed}"
    if (line := getattr(promise, needed)) is None:
        yield (*at, needed), f"is needed with metric: {promise.metric}"
    elif line < 0 or (line > 1 and not numbers):
        yield (*at, needed), "must be 0 or above" if numbers else "must be a share, 0..1; write 0.7 for 70 %"
    elif promise.metric in AT_LEAST - {"accuracy"} and line - promise.tolerate >= 1:
        yield (*at, needed), "is more than any model keeps: write less than 1, or tolerate something"
    if promise.tolerate > 1 and not numbers:
        yield (*at, "tolerate"), "must be a share, 0..1; write 0.02 for 2 %"


def _impact(contract: Contract) -> Iterator[Fault]:
    promise, at = contract.promises.impact, ("promises", "impact")
    if promise is None:
        return
    if promise.followed_at_least is None and promise.complaints_at_most is None:
        yield at, "promises nothing; write followed_at_least or complaints_at_most, or leave it out: the reference is the line then"
    final = contract.labels.delay.final
    if promise.complaints_within is not None and promise.complaints_within > final:
        yield (*at, "complaints_within"), f"must be at most labels.delay.final, {duration_text(final)}: predictions are kept so long"


def _complaints(contract: Contract) -> Iterator[Fault]:
    source, at = contract.source, ("source", "complaints")
    topic = source.of("complaints").topic
    for role in READ[:-1]:
        if topic is not None and topic == source.of(role).topic:
            yield (*at, "topic"), f"is that of {role}; each kind of event has a topic of its own"


def _values(contract: Contract) -> Iterator[Fault]:
    if contract.baseline and contract.baseline.value:
        known = {f"{case}_{name}" for case in ("true", "false", "missed") for name in contract.labels.classes}
        for cell in contract.baseline.value.cells:
            if cell not in known:
                yield ("baseline", "value", cell), f"must be true_, false_ or missed_ and a class; {nearest(cell, known)}"
        if not _can_win(contract) and known.issuperset(contract.baseline.value.cells):
            yield (
                ("baseline", "value"),
                f"no answer is ever worth more than {contract.baseline.nothing}: nothing could be better than nothing",
            )


def _can_win(contract: Contract) -> bool:
    """Is there a case in which another answer than `nothing` is worth more?"""
    baseline, classes = contract.baseline, contract.labels.classes
    if baseline is None or baseline.value is None or contract.task == "regression":
        return True
    worth, nothing = baseline.value.cells, baseline.nothing

    def of(label: str, answer: str) -> float:
        return worth.get(f"true_{label}", 0.0) if label == answer else worth.get(f"false_{answer}", 0.0) + worth.get(f"missed_{label}", 0.0)

    return any(of(label, answer) > of(label, nothing) for label in classes for answer in classes)


def _escalation(contract: Contract) -> Iterator[Fault]:
    for number, (before, step) in enumerate(pairwise(contract.owner.escalation), start=1):
        if step.after < before.after:
            yield ("owner", "escalation", number, "after"), f"must not be before the step above it, {duration_text(before.after)}"


def _watches(contract: Contract, watches: frozenset[str], detectors: frozenset[str] | None) -> Iterator[Fault]:
    for name, setting in contract.watches.items():
        at = ("watches", name)
        if name not in watches:
            yield at, f"no such watch; {nearest(name, watches)}"
        if setting.disabled is not None and setting.until is None:
            yield (*at, "until"), "is needed with disabled: the date on which it is watched again"
        if setting.until is not None and setting.disabled is None:
            yield (*at, "disabled"), "is needed with until: the reason, as text"
        for number, detector in enumerate(setting.detectors):
            if detectors is not None and detector not in detectors:
                yield (*at, "detectors", number), f"no such detector; {nearest(detector, detectors)}"
        yield from _twice(setting.detectors, (*at, "detectors"))


def _formats(contract: Contract, formats: frozenset[str]) -> Iterator[Fault]:
    for role in READ:
        source = contract.source.of(role)
        if source.format not in formats:
            yield ("source", role, "format"), f"no such format; {nearest(source.format, formats)}"
