import random
from dataclasses import replace

import numpy as np
import pytest
from tests.traffic import CLOCKWORK, T0, contract_of, learnt, loan_reference, prediction
from tests.watches.seeing import layout, seen

from anchorwatch.runtime.drive import Drive, Event, applied_of
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import ANSWER, MARGIN, Columns, Ints
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.predictions import WATCH, binned


def test_scores_and_classes_are_counted_where_they_are() -> None:
    of, found = layout(), dict[str, list[int]]()

    class Add:
        def __call__(self, key: str, cells: Ints, where: np.typing.NDArray[np.bool_] | None = None) -> None:
            found[of.counts[key].name] = (cells if where is None else cells[where]).tolist()

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None:
            raise AssertionError("not used by predictions")

    score = np.array([0.0, 1.0, np.nan, 0.5])
    failed = np.array([False, False, False, True])
    WATCH.count(of, Columns(4, failed, {}, {ANSWER: np.array([0, 2, 1, -1])}, score, np.maximum(score, 1 - score), score, score), Add())

    assert found["answer"] == [0, 2, 1]
    assert found["score.bins"] == [0, len(loan_reference().edges["$.score"])]
    assert found["score.state"] == [0, 0, 1]


def test_nothing_is_judged_while_learning() -> None:
    assert binned(layout(learning=True)) == []
    assert WATCH.monitors(layout(learning=True)) == ()


def test_it_never_pages_by_itself() -> None:
    assert not any(monitor.harm for monitor in WATCH.monitors(layout()))


def test_each_class_is_judged_both_ways_within_five_points() -> None:
    answer = next(m for m in WATCH.monitors(layout()) if m.key == "predictions:answer/whole")

    assert [(s.label, s.direction) for s in answer.streams] == [
        ("no", "up"), ("no", "down"), ("yes", "up"), ("yes", "down"), ("a new class", "up"), ("a new class", "down"),
    ]  # fmt: skip
    assert answer.streams[0].line == pytest.approx(0.63, abs=0.02)
    assert answer.streams[1].line == pytest.approx(0.47, abs=0.02)


@pytest.mark.parametrize(("subject", "label", "direction", "name", "text"), [
    ("answer", "no", "down", "PredictionsShifted", "The answer 'no' is given 20 % of the time (reference 5 %)."),
    ("score", "place", "up", "PredictionsShifted", "Scores are higher than in the reference (mean rank 20 of 100)."),
    ("score", "spread", "down", "PredictionsShifted", "Scores are spread narrower than in the reference."),
    ("answer", "place", "up", "PredictionsShifted", "Predicted values are higher than in the reference (mean rank 20 of 100)."),
    ("score.missing", "score", "up", "PredictionsShifted", "Scores are missing or outside 0..1 in 20 % of predictions (reference 5 %)."),
    ("confidence", "spread", "up", "PredictionsShifted", "Confidences are spread wider than in the reference."),
    ("margin", "place", "down", "ConfidenceCollapsed",
     "The model's first choice stands out less from its second than in the reference (median rank 20 of 100)."),
    ("margin", "place", "up", "PredictionsShifted",
     "The model's first choice stands out more from its second than in the reference (median rank 20 of 100)."),
    ("margin", "spread", "up", "PredictionsShifted", "Margins between the two likeliest classes are spread wider than in the reference."),
])  # fmt: skip
def test_sentences_of_shifts(subject: str, label: str, direction: str, name: str, text: str) -> None:
    told = WATCH.explain(seen(subject, label=label, direction=direction))

    assert (told.name, told.summary) == (name, text)


def test_confidence_that_falls_has_a_name_of_its_own() -> None:
    told = WATCH.explain(seen("confidence", label="place", direction="down", current=0.31, segment="region=eu"))

    assert told.name == "ConfidenceCollapsed"
    assert told.summary == "The model is less sure of its answers on region=eu than in the reference (median rank 31 of 100)."


MANY = """\
contract: 1
model: loan
task: multiclass
owner: {team: group:default/risk}
labels: {classes: [cat, dog, hen], delay: {typical: 2s, late: 3s, final: 30s}}
"""


def three_classes(n: int, start_ms: int, seed: int, second: float = 0.5) -> list[Event]:
    """n predictions, 500 a second; `second`: the mean share of what the first leaves that the second takes, the first being as sure as ever."""
    rng = random.Random(f"{seed}/{start_ms}/three")
    events = []
    for i in range(n):
        names = rng.sample(["cat", "dog", "hen"], 3)
        first = rng.uniform(0.5, 0.9)
        next_ = (1 - first) * min(max(rng.gauss(second, 0.05), 0.5), 1.0)
        scores = dict(zip(names, (round(first, 6), round(next_, 6), round(1 - first - next_, 6)), strict=True))
        at = start_ms + 2 * i
        events.append(prediction(at, prediction_id=f"{seed}-{start_ms}-{i}", model="loan", prediction=names[0], scores=scores))
    return events


def test_a_second_choice_that_comes_closer_is_heard_though_confidence_is_as_it_was() -> None:
    contract = contract_of(MANY)
    applied = applied_of(contract, reference_to_json(learnt(contract, three_classes(4_000, T0 - 3_600_000, 7, 0.6))))
    quiet = Drive([applied], CLOCKWORK).feed(three_classes(4_000, T0, 3, 0.6)).end(T0 + 9_000)
    heard = Drive([applied], CLOCKWORK).feed(three_classes(4_000, T0, 3, 0.95)).end(T0 + 9_000)

    assert [f for f in quiet.findings if f.watch == "predictions"] == []
    told = [f for f in heard.findings if f.watch == "predictions"]
    assert {(f.subject, f.name, f.verdict) for f in told} == {("margin", "ConfidenceCollapsed", "warning")}


def test_a_reference_of_before_margins_were_kept_judges_none() -> None:
    contract = contract_of(MANY)
    known = learnt(contract, three_classes(1_000, T0, 7))
    before = replace(known, edges={name: edges for name, edges in known.edges.items() if name != MARGIN})

    assert "margin" in binned(Layout(contract, known, catalogue()))
    assert "margin" not in binned(Layout(contract, before, catalogue()))
    assert binned(layout()) == ["score", "confidence"], "two classes have none"
