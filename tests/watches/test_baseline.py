import numpy as np
import pytest
from tests.traffic import LOAN, T0, Fault, contract_of, loan_drive, loan_reference, quiet_then, traffic
from tests.watches.seeing import layout, seen

from anchorwatch.errors import ContractError
from anchorwatch.runtime.drive import Drive, applied_of
from anchorwatch.stages.monitors import Monitors
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.watches.base import Ints, Matured
from anchorwatch.watches.baseline import WATCH, cells, values
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

    assert found == [(cells(of).key, [4, 3, 9])]


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
    assert heard.summaries[-1].reasons["value"] == "not measurable: the contract's baseline has no value table"
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
