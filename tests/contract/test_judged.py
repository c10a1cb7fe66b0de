"""What is run, what is accepted only, and what was filled in."""

from tests.contract.examples import FULL, SMALL

from anchorwatch.contract import check, not_judged, parse
from anchorwatch.contract.judged import READ, defaulted, refused
from anchorwatch.contract.rules import FORMATS
from anchorwatch.sources import load, names


def test_all_that_waits_for_a_later_version_is_named() -> None:
    names = [line.removesuffix(" is accepted, but not judged in this version") for line in not_judged(parse(FULL, "f"))]

    assert names == [
        "arms of a baseline with labels.hidden_when",
        "promises.quality.metric f1, precision, recall or roc_auc with labels.hidden_when",
    ]


def test_what_is_judged_now_is_not_named() -> None:
    text = SMALL + (
        "features: {a: {type: number, range: [0, 1], missing_max: 0.1}}\n"
        "promises: {latency: {inference_p99: 80ms}, quality: {metric: error, at_most: 0.1}, alive: {silent_after: 5m},\n"
        "  labels: {coverage_at_least: 0.8, by: 2d}}\n"
        "source: {flags: [on-off], decisions: {topic: done}}\ndecisions: {block: decline}\n"
    )
    assert not_judged(parse(text, "f")) == []


def test_a_topic_of_decisions_alone_says_nothing_of_what_is_expected() -> None:
    name = "source.decisions without decisions or promises.impact.followed_at_least"

    assert not_judged(parse(SMALL + "source: {decisions: {topic: done}}\n", "f")) == [f"{name} is accepted, but not judged in this version"]


def test_siblings_are_judged_on_any_topic() -> None:
    assert not_judged(parse(SMALL + "promises: {alive: {siblings: [anchorwatch.outcomes, elsewhere]}}\n", "f")) == []


def test_a_baseline_of_a_regression_waits() -> None:
    text = "contract: 1\nmodel: m\ntask: regression\nowner: {team: t}\nbaseline: {nothing: '0'}\n"

    assert not_judged(parse(text, "f")) == ["baseline of a regression is accepted, but not judged in this version"]


def test_both_errors_of_a_regression_are_judged() -> None:
    for metric in ("mae", "rmse"):
        text = f"contract: 1\nmodel: m\ntask: regression\nowner: {{team: t}}\npromises: {{quality: {{metric: {metric}, at_most: 3}}}}\n"
        assert not_judged(parse(text, "f")) == []


def test_defaults_that_change_what_is_judged_are_said_and_what_is_written_is_not() -> None:
    assert [line.partition(":")[0] for line in check(SMALL, "f").defaulted] == [
        "source.predictions",
        "source.outcomes",
        "labels.positive = block",
        "labels.delay",
        "labels.delay.final = 7d",
        "features",
        "segments.by",
        "reference = last 28d, 7d ago",
        "promises.quality",
        "promises.alive.silent_after",
    ]
    assert defaulted(parse(FULL, "f")) == []
    assert [line.partition(":")[0] for line in defaulted(parse(FULL.replace(", within: 1h", ""), "f"))] == ["promises.impact.within"]
    few = FULL.replace("followed_at_least: 0.60", "complaints_at_most: 0.01")
    assert [line.partition(":")[0] for line in defaulted(parse(few, "f"))] == ["promises.impact.complaints_within"]


def test_what_this_version_reads_is_not_refused() -> None:
    assert [list(refused(parse(text, "f"))) for text in (SMALL, FULL)] == [[], []]
    assert set(READ) == set(names()) <= FORMATS
    assert {name: set(load(name).fields) for name in names()} == {name: set(roles) for name, roles in READ.items()}


def test_a_format_of_predictions_alone_holds_no_outcomes() -> None:
    text = SMALL + "source: {outcomes: {format: kserve}, predictions: {format: sagemaker}}\n"

    assert [path for path, _ in refused(parse(text, "f"))] == [("source", "outcomes", "format")]
