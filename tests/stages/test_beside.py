"""Events of siblings are counted once, in their own windows, whatever the batches and tasks."""

from dataclasses import replace

import pytest
from tests.traffic import CLOCKWORK, LOAN, T0, Fault, contract_of, in_order, loan_applied, traffic

from anchorwatch.contract import Contract
from anchorwatch.runtime.drive import Drive, Event, applied_of
from anchorwatch.watches.siblings import SIBLINGS

END = T0 + 20_000


def side(*topics: str) -> Contract:
    text = LOAN.replace("silent_after: 5s", f"silent_after: 5s, siblings: [{', '.join(topics)}]").replace("model: loan", "model: side")
    return contract_of(text)


def counted(contract: Contract, events: list[Event], tasks: int = 1, batch: int = 10_000) -> int:
    """Events of its siblings since its last window of its own."""
    drive = Drive([loan_applied(), applied_of(contract)], replace(CLOCKWORK, tasks=tasks))
    for i in range(0, len(events), batch):
        drive.feed(events[i : i + batch])
    drive.end(END)
    rule = next(r for r in drive.judge.models["prod/side"].rules if type(r).__name__ == "SiblingRule")
    return int(rule.snapshot()["gap"])


def own(n: int) -> list[Event]:
    """One word of its own first, so that its clock begins."""
    return traffic(n, model="side", start_ms=T0 - 1_000, name="side", fault=Fault(labelled=0))


@pytest.mark.parametrize("tasks", [1, 4])
@pytest.mark.parametrize("batch", [77, 10_000])
def test_predictions_of_other_models_on_its_topic_are_siblings(tasks: int, batch: int) -> None:
    others = traffic(2_000)

    assert counted(side("predictions"), in_order([*own(1), *others]), tasks, batch) == 2_000


def test_outcomes_are_siblings_too_and_its_own_predictions_never() -> None:
    events = in_order([*own(1), *traffic(500)])
    outcomes = sum(event.role == "outcomes" for event in events)

    assert counted(side("outcomes"), events) == outcomes
    assert counted(side("predictions", "outcomes"), events) == 500 + outcomes


def test_topics_that_are_not_read_count_for_nothing() -> None:
    assert counted(side("elsewhere"), in_order([*own(1), *traffic(500)])) == 0


def test_who_names_no_siblings_counts_none() -> None:
    drive = Drive([loan_applied()], CLOCKWORK)
    drive.feed(traffic(500)).end(END)

    assert not drive.ingests[0].listening.by_topic
    assert SIBLINGS.key not in drive.registry.latest()[0].layout.counts
