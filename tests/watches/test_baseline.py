import numpy as np
import pytest
from tests.arms import sliced, with_shadow, with_slice
from tests.traffic import LOAN, T0, Fault, contract_of, in_order, loan_drive, loan_reference, quiet_then, traffic
from tests.watches.seeing import layout, seen

from anchorwatch.errors import ContractError
from anchorwatch.runtime.drive import Drive, applied_of
from anchorwatch.stages.monitors import Monitors
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches.base import Ints, Matured
from anchorwatch.watches.baseline import WATCH, arms, cells, difference, judges_arms, step_of, steps, values
from anchorwatch.watches.layout import Layout

VALUED = LOAN + 'baseline: {nothing: "no", value: {unit: EUR, true_yes: 45, false_yes: -12, missed_yes: -60}}\n'


def valued() -> Drive:
    return Drive([applied_of(contract_of(VALUED), reference_to_json(loan_reference()))], loan_drive().clockwork)


def test_each_answer_is_worth_what_it_gains_over_doing_nothing_on_the_same_label() -> None:
    """By hand. Label yes: answering yes is 45 against -60 for nothing; label no: yes costs 12, no is what nothing does."""
    worth = values(layout(VALUED))
    assert worth is not None

    assert worth.reshape(3, 3)[:2, :2].tolist() == [[0.0, -12.0], [0.0, 105.0]]
    assert values(layout()) is None


def test_only_mature_predictions_with_a_label_are_money() -> None:
    found: list[tuple[str, list[int]]] = []

    class Add:
        def __call__(self, key: str, cells: Ints, where: object = None) -> None:
            found.append((key, cells.tolist()))

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None: ...

    of = layout(VALUED)
    for horizon in of.horizons:
        answers, truth = np.array([1, 0, 1]), np.array([1, 1, -1])
        WATCH.mature(of, Matured(3, answers, truth, np.full(3, np.nan), np.zeros(3, np.bool_), horizon), Add())

    assert found == [(cells(of).key, [4, 3, 9]), (arms(of).key, [4, 3, 0])]


def test_a_good_model_says_nothing_and_its_summary_says_the_money() -> None:
    """60 % no, 40 % yes, 5 % wrong: .4 (.95 x 105) - .6 (.05 x 12) = 39.5 EUR a prediction."""
    heard = valued().feed(traffic(6_000, seed=41)).end(T0 + 20_000)

    last = heard.summaries[-1]
    assert not [f for f in heard.findings if f.watch == "baseline"]
    assert last.columns["value"][0] == pytest.approx(39.5, rel=0.06)
    assert last.reasons["value"].startswith("EUR a prediction above answering no, of the whole [3")


def test_a_model_that_costs_more_than_it_brings_pages_with_the_money() -> None:
    """Nobody would take a loan now: with 1 % true yes and 45 % wrong answers doing nothing is better."""
    events, begin, end = quiet_then(4_000, Fault(error=0.45, positive=0.01))

    heard = valued().feed(events).end(end + 5_000)

    pages = [f for f in heard.findings if f.watch == "baseline" and f.verdict == "page" and f.segment == "whole"]
    assert pages
    assert pages[0].name == "WorseThanNothing"
    assert pages[0].window[1] > begin
    assert pages[0].current == pytest.approx(0.01 * 0.55 * 105 - 0.99 * 0.45 * 12, abs=1.5)
    assert f"worth {pages[0].current:+.3g} EUR each" in pages[0].summary


def test_a_model_exactly_as_good_as_nothing_pages_no_more_often_than_promised() -> None:
    """Values -12 and 105, mean 0; 30 days of 24 windows, a mark of 3 days: .1 / 3 * 30 = 1 false page a life is allowed."""
    of, pages = layout(VALUED), 0
    share = np.array([12.0, 105.0]) / 117.0  # of 105 and of -12
    for seed in range(6):
        rng, bank = np.random.default_rng(seed), Monitors(of, 3.0)
        for hour in range(720):
            flat = np.zeros(of.size, np.int64)
            gained, lost = rng.multinomial(30, share)
            of.view(flat, cells(of).key)[0, [4, 1]] = gained, lost
            pages += sum(h.change.verdict == "page" and h.monitor.watch == "baseline" for h in bank.window(flat, 1 / 24, hour, hour + 1))

    assert pages <= 6


def test_without_a_table_it_is_not_measurable_which_is_said() -> None:
    text = LOAN + 'baseline: {nothing: "no"}\n'

    heard = Drive([applied_of(contract_of(text))], loan_drive().clockwork).feed(traffic(600)).end(T0 + 8_000)

    assert heard.summaries[-1].columns["value"][0] is None
    assert (
        heard.summaries[-1].reasons["value"]
        == "not measurable: the contract's baseline has no value table, and no arm baseline has 30 labels"
    )
    few = Drive([applied_of(contract_of(VALUED))], loan_drive().clockwork).feed(traffic(20)).end(T0 + 8_000)
    assert few.summaries[-1].reasons["value"] == "waiting for labels: 30 are needed"


def test_a_table_in_which_nothing_wins_always_is_refused() -> None:
    text = LOAN + 'baseline: {nothing: "no", value: {unit: EUR, false_yes: -12}}\n'

    with pytest.raises(ContractError, match="no answer is ever worth more than no"):
        contract_of(text)


def test_sentences_of_baseline() -> None:
    known = seen("value@late", segment="region=eu", current=-3.21, unit="EUR", n=512)
    unknown = seen("value@late", current=None, unit="EUR")

    assert [WATCH.explain(each).summary for each in (known, unknown)] == [
        "The model's answers on region=eu are worth -3.21 EUR each against doing nothing, over 512 labels.",
        "The model's answers are worth less than doing nothing.",
    ]
    assert Layout(contract_of(LOAN), None, (WATCH,)).counts == {}


# arms


def arm_drive() -> Drive:
    return Drive([applied_of(sliced(), reference_to_json(loan_reference()))], loan_drive().clockwork)


def test_a_model_that_loses_against_the_slice_that_does_nothing_pages() -> None:
    """60 % of truth is `no`; the model, wrong in 70 %, is right in 30 %. In 130 windows of 60 predictions, 12 of the slice."""
    quiet = with_slice(traffic(600, seed=2, rate=60))
    bad = with_slice(traffic(8_000, start_ms=T0 + 10_000, seed=3, rate=60, fault=Fault(error=0.7)))

    heard = arm_drive().feed(in_order([*quiet, *bad])).end(T0 + 150_000)

    pages = [f for f in heard.findings if f.subject == "arms@late" and f.verdict == "page"]
    assert pages
    assert pages[0].name == "WorseThanNothing"
    assert pages[0].window[1] > T0 + 13_000
    assert pages[0].current is not None
    assert -0.5 < pages[0].current < -0.1
    assert "The arm that does nothing does better than the model." in pages[0].summary


def test_a_model_that_beats_doing_nothing_says_nothing_and_a_shadow_never_alerts() -> None:
    events = with_shadow(with_slice(traffic(4_000, seed=4)), right=0.99)

    heard = arm_drive().feed(events).end(T0 + 20_000)

    assert not [f for f in heard.findings if f.watch == "baseline"]


def test_arms_are_judged_only_where_truth_comes_to_both_alike() -> None:
    plain, hidden = sliced(), sliced(labels=HIDDEN)

    assert [judges_arms(Layout(each, loan_reference(), (WATCH,))) for each in (plain, hidden, contract_of(VALUED))] == [True, False, False]
    assert not Layout(hidden, loan_reference(), (WATCH,)).monitors


def test_a_bet_on_arms_gains_nothing_in_the_mean_while_both_are_alike() -> None:
    """8,000 windows of 5 to 60 labels, of which the arm has a few, by luck; each row of the table, mean gain at most 1 + 3 standard errors."""
    of, rng = Layout(sliced(), loan_reference(), (WATCH,)), np.random.default_rng(8)
    (monitor,) = of.monitors
    assert monitor.tilt is not None
    table, found = np.exp(monitor.tilt.table), []
    for _ in range(8_000):
        flat, right = np.zeros(of.size, np.int64), rng.uniform(0.1, 0.9)  # the hour's own: it wanders, for both arms alike
        n = rng.binomial(rng.integers(5, 60), [0.9, 0.1])
        k = rng.binomial(n, right)
        of.view(flat, arms(of).key)[0, [0, 1, 9, 10]] = k[0], n[0] - k[0], k[1], n[1] - k[1]
        WATCH.derive(of, flat, {})
        symbols = np.flatnonzero(of.view(flat, difference(of).key)[0])
        assert len(symbols) == (n.min() > 0)
        found += [table[:, s] for s in symbols]
    gains = np.array(found)

    assert len(gains) > 4_000
    assert (gains.mean(0) <= 1 + 3 * gains.std(0) / np.sqrt(len(gains))).all()


def test_arms_that_are_alike_page_no_more_often_than_promised() -> None:
    """30 days of 24 windows, a mark of 3 days, a twentieth of the budget: .05 / 3 * 30 = .5 false pages a life."""
    of, pages = Layout(sliced(), loan_reference(), (WATCH,)), 0
    for seed in range(4):
        rng, bank = np.random.default_rng(seed), Monitors(of, 3.0)
        for hour in range(720):
            flat = np.zeros(of.size, np.int64)
            view, right = of.view(flat, arms(of).key)[0], rng.uniform(0.4, 0.9)
            for at, total in ((0, 50), (9, 5)):
                view[at] = rng.binomial(total, right)
                view[at + 1] = total - view[at]
            pages += sum(h.change.verdict == "page" for h in bank.window(flat, 1 / 24, hour, hour + 1))

    assert pages <= 2


def test_a_difference_is_rounded_up_to_a_step() -> None:
    assert steps(1.0)[step_of(0.0, 1.0)] == 0.0
    assert steps(1.0)[step_of(-1.0, 1.0)] == -1.0
    for value in np.linspace(-50, 50, 999):
        assert 0 <= steps(50.0)[step_of(float(value), 50.0)] - value < 100 / 128 + 1e-6


def test_the_sentence_of_arms() -> None:
    found = WATCH.explain(seen("arms@late", current=-0.123, n=40))

    assert found.summary == (
        "The arm that does nothing does better than the model. 0.123 right answers a prediction, in the mean of 40 windows, are lost."
    )


HIDDEN = (
    '{classes: ["no", "yes"], positive: "yes", delay: {typical: 2s, late: 3s, final: 30s}, hidden_when: {prediction: "no"}, '
    "explored: {arm: baseline, share: 0.2}}"
)
