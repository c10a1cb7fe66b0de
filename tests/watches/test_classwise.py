import random
from collections.abc import Sequence
from functools import cache

import pytest
from tests.traffic import CLOCKWORK, LOAN, T0, contract_of, in_order, learnt, loan_drive, outcome, prediction
from tests.watches.seeing import seen

from anchorwatch.contract import Contract
from anchorwatch.runtime.drive import Event, Heard, applied_of
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Monitor
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.quality import WATCH

RARE = LOAN.replace("segments: {by: [region, tier]}", "segments: {by: [region]}")
HEALTHY = {"share": 0.03, "found": 0.8, "false": 0.005}  # of `yes`; of those answered so; of `no` answered `yes`


def rare(n: int, start_ms: int = T0, seed: int = 1, rate: float = 500, **changed: float) -> list[Event]:
    """A model that looks for a class of which three in a hundred are."""
    rng, now, events = random.Random(seed), {**HEALTHY, **changed}, list[Event]()
    for i in range(n):
        at, pid = start_ms + int(i * 1000 / rate), f"{seed}-{i}"
        truth = rng.random() < now["share"]
        answer = rng.random() < now["found" if truth else "false"]
        segments = {"region": rng.choice(["eu", "us"])}
        record = {
            "prediction_id": pid,
            "model": "loan",
            "prediction": "yes" if answer else "no",
            "predicted_at_ms": at,
            "segments": segments,
        }
        events.append(prediction(at, **record))
        events.append(outcome(at + 900, prediction_id=pid, model="loan", label="yes" if truth else "no", known_at_ms=at + 900))
    return in_order(events)


@cache
def contract(text: str = RARE) -> Contract:
    return contract_of(text, features="")


@cache
def layout(text: str = RARE) -> Layout:
    return Layout(contract(text), learnt(contract(), rare(40_000, T0 - 3_600_000, seed=7)), catalogue())


def monitors(of: Layout, segment: str = "whole") -> dict[str, Monitor]:
    return {m.subject: m for m in WATCH.monitors(of) if m.segment == segment and not m.news}


def heard(quiet: Sequence[Event], then: Sequence[Event]) -> Heard:
    reference = layout().reference
    assert reference is not None
    drive = loan_drive(applied_of(contract(), reference_to_json(reference)), CLOCKWORK)
    return drive.feed([*quiet, *then]).end(then[-1].at_ms + 5_000)


def told(found: Heard, verdict: str = "page") -> set[str]:
    return {f.subject for f in found.findings if f.watch == "quality" and f.segment == "whole" and f.verdict == verdict}


def test_the_rarer_class_has_a_recall_and_a_precision_and_the_usual_one_has_neither() -> None:
    assert set(monitors(layout())) == {"error@late", "error@typical", "recall.yes@late", "precision.yes@late"}


def test_a_segment_without_enough_of_the_class_has_neither() -> None:
    few = Layout(contract(), learnt(contract(), rare(12_000, T0 - 3_600_000, seed=7)), catalogue())

    assert "recall.yes@late" in monitors(few)
    assert "recall.yes@late" not in monitors(few, "region=eu"), "180 of them are no reference"


def test_lines_allow_a_tenth_more_missed_and_twice_the_odds_of_a_wrong_answer() -> None:
    found = monitors(layout())
    missed, wrong = found["recall.yes@late"], found["precision.yes@late"]

    assert missed.reference == pytest.approx(0.2, abs=0.03)
    assert missed.streams[0].line > 1.1 * (missed.reference or 1)
    usual = wrong.reference or 1
    assert wrong.streams[0].line == pytest.approx(2 * usual / (1 + usual), rel=0.01), "odds 2 k / (n - k) as a share"


def test_half_of_the_rare_class_is_missed_and_only_its_recall_pages() -> None:
    """.8 found becomes .4: errors rise from .011 to .022 of all."""
    begin = T0 + 10_000
    found = heard(rare(5_000, seed=2), rare(20_000, begin, seed=3, found=0.4))

    assert "recall.yes@late" in told(found)
    alert = next(a for a in found.alerts if a.evidence.get("metric") == "miss rate")
    assert alert.labels["alertname"] == "QualityDrop"
    assert "of what is 'yes' is found" in alert.annotations["summary"]
    assert "error@late" not in told(found)


def test_four_times_as_many_false_ones_page_by_precision() -> None:
    """.005 of `no` answered `yes` become .02: of ten blocked, four are fine, not two."""
    found = heard(rare(5_000, seed=2), rare(20_000, T0 + 10_000, seed=3, false=0.02))

    assert "precision.yes@late" in told(found)
    assert "recall.yes@late" not in told(found)


def test_half_as_many_of_the_class_say_nothing() -> None:
    """Eight streams: the mix of classes is no fault of the model, though precision falls from .83 to .71."""
    for seed in range(8):
        found = heard(rare(1_000, seed=100 + seed), rare(8_000, T0 + 2_000, seed=200 + seed, share=0.015))
        assert not told(found)
        assert not told(found, "warning")


def test_what_is_promised_is_judged_by_its_promise() -> None:
    text = RARE.replace("promises: {", "promises: {quality: {metric: recall, at_least: 0.7}, ")
    found = monitors(layout(text))

    assert "recall@late" in found
    assert "recall.yes@late" not in found
    assert "precision.yes@late" in found


def test_where_truth_is_hidden_neither_is_judged() -> None:
    text = RARE.replace("delay: {", 'hidden_when: {prediction: "yes"}, delay: {')

    assert not {subject for subject in monitors(layout(text)) if subject.startswith(("recall.", "precision."))}


@pytest.mark.parametrize(("subject", "sentence"), [
    ("recall.yes@late", "Only 40 % of what is 'yes' on region=eu is found [35, 45], was 80 %; at least 78 % should be."),
    ("precision.yes@late", "Only 40 % of answers 'yes' on region=eu are right [35, 45], was 80 %; at least 78 % should be."),
])  # fmt: skip
def test_the_sentence_says_what_is_found_or_right_and_what_it_was(subject: str, sentence: str) -> None:
    one = seen(subject, segment="region=eu", label="yes", current=0.6, reference=0.2, line=0.22, interval=(0.55, 0.65))

    assert WATCH.explain(one).summary == sentence
