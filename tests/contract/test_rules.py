# ruff: noqa: E501 (each case on one line, its sentence in full)
"""What one part of a contract says about another."""

import pytest
from tests.contract.examples import SMALL

from anchorwatch.contract import parse
from anchorwatch.contract.rules import normal_segment
from anchorwatch.errors import ContractError
from anchorwatch.watches import names

REGRESSION = "contract: 1\nmodel: price\ntask: regression\nowner: {team: x}\n"


def problems(text: str) -> list[str]:
    try:
        parse(text, "f.yaml")
    except ContractError as error:
        return [problem.rpartition(" (")[0] for problem in error.problems]
    return []


def test_every_watch_may_be_set_aside() -> None:
    for name in names():
        assert problems(f'{SMALL}watches: {{{name}: {{disabled: "load test", until: 2099-01-01}}}}\n') == []


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("timezone: Europe/Berln", ["timezone = Europe/Berln: no such time zone on this machine; write an IANA name, as Europe/Berlin (package tzdata holds them)"]),
        ("timezone: ../../etc/passwd", ["timezone = ../../etc/passwd: no such time zone on this machine; write an IANA name, as Europe/Berlin (package tzdata holds them)"]),
        ("baseline: {nothing: wait}", ["baseline.nothing = wait: is no class; must be one of labels.classes: known: block, pass"]),
        ("decisions: {blok: stop}", ['decisions.blok = stop: is no class; must be one of labels.classes: did you mean "block"?']),
        ("baseline: {nothing: pass, value: {unit: EUR, true_blok: 3}}", ['baseline.value.true_blok = 3: must be true_, false_ or missed_ and a class; did you mean "true_block"?']),
        ("features: {a: {type: text, range: [0, 1]}}", ["features.a.range: only a number has a range; this is a text"]),
        ("features: {a: {type: number, range: [1, 0]}}", ["features.a.range: must be [from, to] with from below to"]),
        ("features: {a: {type: number, range: [1]}}", ["features.a.range[1]: is missing; write [from, to]"]),
        ("features: {a: {type: number, range: [1, 2, 3]}}", ["features.a.range: must have at most 2 entries"]),
        ("features: {a: {type: number, values_max: 3}}", ["features.a.values_max = 3: only a category has values to count; this is a number"]),
        ("features: {a: {unit: EUR}}", ["features.a.type: is needed: number, category, text or bool"]),
        ("features: {a: {dtype: int, type: number}}", ["features.a.dtype = int: is not a key; write type: number, category, text or bool"]),
        ("segments: {by: [a, [a, a], [b, c], [c, b]]}", ["segments.by[1]: names one segment twice", "segments.by[3]: is there already; keep one"]),
        ("segments: {by: [a], always: [a, b=1, a=, 'a=1,a=2']}", [
            "segments.always[0] = a: must be name=value, or name=value,name=value",
            "segments.always[1] = b=1: segments.by has no grouping b; add it there",
            "segments.always[2] = a=: must be name=value, or name=value,name=value",
            "segments.always[3] = a=1,a=2: names one segment twice",
        ]),
        ("reference: {window: [2026-09-02, 2026-09-01], last: 3d}", [
            "reference.window: must be [from, to] with from before to",
            "reference.last = 3d: write either window or last and lag, not both",
        ]),
        ("promises: {latency: {inference_p99: 10ms, inference_p50: 20ms}}", ["promises.latency.inference_p99 = 10ms: must be at least inference_p50, 20ms"]),
        ("promises: {latency: {p99: 10ms}}", ["promises.latency.p99 = 10ms: is not a key; write inference_p99 or end_to_end_p99"]),
        ("promises: {quality: {metric: mae, at_most: 1}}", ["promises.quality.metric = mae: does not fit task binary; must be accuracy, error, f1, precision, recall or roc_auc"]),
        ("promises: {quality: {metric: roc_auc, at_least: 1, tolerate: 0}}", ["promises.quality.at_least = 1: is more than any model keeps: write less than 1, or tolerate something"]),
        ("promises: {quality: {metric: f1, at_most: 0.7}}", ["promises.quality.at_least: is needed with metric: f1", "promises.quality.at_most = 0.7: for f1 write at_least"]),
        ("promises: {quality: {metric: f1, at_least: 70, tolerate: 2}}", [
            "promises.quality.at_least = 70: must be a share, 0..1; write 0.7 for 70 %",
            "promises.quality.tolerate = 2: must be a share, 0..1; write 0.02 for 2 %",
        ]),
        ("promises: {impact: {within: 1h}}", ["promises.impact: promises nothing; write followed_at_least or complaints_at_most, or leave it out: the reference is the line then"]),
        ("promises: {impact: {complaints_at_most: 1}}", []),
        ("promises: {impact: {complaints_at_most: 2}}", ["promises.impact.complaints_at_most = 2: must be a share, 0..1; write 0.02 for 2 %"]),
        ("promises: {impact: {complaints_at_most: 0.01, complaints_within: 8d}}", ["promises.impact.complaints_within = 8d: must be at most labels.delay.final, 7d: predictions are kept so long"]),
        ("source: {decisions: {topic: done}, complaints: {topic: done}}", ["source.complaints.topic = done: is that of decisions; each kind of event has a topic of its own"]),
        ("source: {complaints: {topic: crm, format: kserve}}", []),
        ("source: {complaints: {topic: crm, fields: {text: body}}}", ["source.complaints.fields.text = body: is no field of ours; known: actor, complained_at_ms, environment, kind, model, prediction_id, source"]),
        ("watches: {quality: {disabled: holidays}}", ["watches.quality.until: is needed with disabled: the date on which it is watched again"]),
        ("watches: {quality: {until: 2027-01-01}}", ["watches.quality.disabled: is needed with until: the reason, as text"]),
        ("watches: {quality: {enabled: false}}", ["watches.quality.enabled = false: is not a key; write disabled: <the reason>, with until: <a date>"]),
        ("pages_per_month: 3", ["pages_per_month = 3: is not a key; it stands once for the fleet, in anchorwatch.yaml; this model's share is budget: {weight: 1}"]),
        ("segments:\n  # by: [country]", ["segments: nothing is written here; fill it in or leave the key out"]),
        ("promises: [latency]", ["promises: must be a mapping (key: value)"]),
        ("segments: {by: country}", ["segments.by = country: must be a list: [first, second]"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told(added: str, told: list[str]) -> None:
    assert sorted(problems(f"{SMALL}{added}\n")) == sorted(told)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("{classes: [a, b, c]}", ["labels.classes: a binary model has 2 classes, not 3; write task: multiclass"]),
        ("{classes: [a, a]}", ["labels.classes[1] = a: stands there twice; keep one"]),
        ("{}", ["labels.classes: is needed: the answers of a binary model, as [pass, block]"]),
        ("{classes: [a, b], positive: c, after_final: d}", [
            "labels.positive = c: is no class; must be one of labels.classes: known: a, b",
            'labels.after_final = d: is no class; must be "unknown" or one of labels.classes: known: a, b',
        ]),
        ("{classes: [a, b], delay: {typical: 3d, late: 2d}}", ["labels.delay.late = 2d: is 2d: must be at least typical, 3d"]),
        ("{classes: [a, b], delay: {late: 45d}}", ["labels.delay.final: is 7d (the default): must be at least late, 45d"]),
    ],
)  # fmt: skip
def test_labels_must_agree_with_the_task_and_themselves(labels: str, told: list[str]) -> None:
    assert problems(SMALL.replace("{classes: [pass, block]}", labels)) == told


def test_one_class_against_the_others_needs_its_name() -> None:
    three = (
        SMALL.replace("binary", "multiclass").replace("[pass, block]", "[a, b, c]")
        + "promises: {quality: {metric: recall, at_least: 0.5}}\n"
    )

    assert problems(three) == ["promises.quality.metric = recall: is of one class against the others: name it in labels.positive"]
    assert problems(three.replace("[a, b, c]", "[a, b, c], positive: b")) == []


def test_a_regression_has_no_classes_and_its_own_metrics() -> None:
    assert problems(REGRESSION + "promises: {quality: {metric: mae, at_most: 120.5, tolerate: 3}}\n") == []
    assert problems(REGRESSION + "labels: {classes: [a, b]}\n") == [
        "labels.classes: a regression has no classes; leave it out, or write another task"
    ]
    assert problems(REGRESSION + "promises: {quality: {metric: f1, at_least: 0.5}}\n") == [
        "promises.quality.metric = f1: does not fit task regression; must be mae or rmse"
    ]


def test_a_segment_is_named_in_the_order_of_its_grouping() -> None:
    by = (("country", "tier"), ("tier",))

    assert normal_segment("tier=gold,country=DE", by) == "country=DE,tier=gold"
    assert normal_segment("tier = a=b", by) == "tier=a=b"
    with pytest.raises(ValueError, match=r"no grouping \[tier, plz\]"):
        normal_segment("tier=gold,plz=1", by)


def test_escalation_goes_forward_in_time() -> None:
    told = problems(SMALL.replace("risk-ml}", "risk-ml, escalation: [{to: a, after: 30m}, {to: b, after: 10m}, {after: 1h}]}"))

    assert told == ["owner.escalation[2].to: is needed: a route of the settings file"]
    assert problems(SMALL.replace("risk-ml}", "risk-ml, escalation: [{to: a, after: 30m}, {to: b, after: 10m}]}")) == [
        "owner.escalation[1].after = 10m: must not be before the step above it, 30m"
    ]
