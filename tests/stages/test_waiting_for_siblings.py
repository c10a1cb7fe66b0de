"""Under the wall's clock a feed waits for topics of siblings that it does not read: never for one that stands still, once for one that is away."""

from dataclasses import replace

import numpy as np
from tests.stages.test_judge import Live
from tests.traffic import LOAN, T0, Fault, contract_of, loan_reference, traffic

from anchorwatch.contract import Contract
from anchorwatch.runtime.drive import applied_of
from anchorwatch.stages.flags import FlagBook
from anchorwatch.stages.judge import Judge
from anchorwatch.stages.reference import reference_to_json
from anchorwatch.stages.sibling_topic import SiblingSettings, SiblingTopic
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Reference
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.siblings import share

TOPIC = "payments.authorised"
SIDE = contract_of(LOAN.replace("silent_after: 5s", f"silent_after: 5s, siblings: [{TOPIC}]"))
ENDED = frozenset({TOPIC})


def outside(contract: Contract) -> tuple[str, ...]:
    return contract.promises.alive.siblings


def usual() -> Reference:
    """Of all events of the set a half is ours."""
    key = share(Layout(SIDE, None, catalogue())).key
    counts = np.zeros_like(loan_reference().counts["events"], shape=(len(loan_reference().segments) + 2, 2))
    counts[0] = 8_000
    return replace(loan_reference(), counts={**loan_reference().counts, key: counts})


class Beside(Live):
    """With one task of a topic of siblings, which may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.fault = Fault()
        self.registry.apply(applied_of(SIDE, reference_to_json(usual())))
        self.topic = SiblingTopic(0, 1, self.registry, outside, SiblingSettings(TOPIC, "observations", 1, 1_000, 500))
        self.reborn()

    def reborn(self) -> None:
        self.judge = Judge(0, 1, self.registry, FlagBook(), self.settings, dict(self.chunks), outside=outside)

    def second(self, number: int, *, away: bool = False, siblings: int = 3) -> list[int]:
        """100 of ours and some of theirs in that second, all told half a second after it; ends of the windows judged, in seconds."""
        begin, now = T0 + 1_000 * number, T0 + 1_000 * number + 1_600
        if not away:
            rows = [(None, b"x", 3 * number + i, begin + i) for i in range(siblings)]
            self.topic.take(TOPIC, rows, now)
            self.topic.tick(now, ENDED)
            self.hand_over([r.value or b"" for r in self.topic.freeze({}).records], now)
        self.say(traffic(100, start_ms=begin, rate=200, fault=self.fault), now)
        return [(end - T0) // 1_000 for end in self.judged]

    def share(self) -> float:
        """Evidence that it fell, in days."""
        return self.judge.models["prod/loan"].monitors.evidence()["alive:share/whole"]


def test_windows_are_judged_with_their_siblings_and_a_topic_that_stands_still_holds_up_nobody() -> None:
    live = Beside()

    assert [live.second(i) for i in range(3)] == [[1], [2], [3]]
    assert [live.second(i, siblings=0) for i in (3, 4)] == [[4], [5]]


def test_one_that_is_away_is_waited_for_once_and_what_it_brings_later_is_late() -> None:
    live = Beside()
    live.second(0)
    waited = [live.second(i, away=True) for i in range(1, 33)]
    passed_over = [live.second(i, away=True) for i in range(33, 35)]
    rows = [(None, b"x", 99, T0 + 1_000)]
    live.topic.take(TOPIC, rows, T0 + 40_000)
    live.hand_over([r.value or b"" for r in live.topic.freeze({}).records], T0 + 40_000)
    live.cut()

    assert not any(waited[:29])
    assert [end for judged in waited for end in judged] == list(range(2, 34))
    assert passed_over == [[34], [35]]
    assert live.count("anchorwatch.blocks.late") == 1


def test_after_it_has_caught_up_it_is_waited_for_again_and_a_restart_knows_all_that() -> None:
    live = Beside()
    live.second(0)
    for i in range(1, 33):
        live.second(i, away=True)
    live.second(33)
    live.reborn()

    assert live.second(34, away=True) == []
    assert live.second(35) == [35, 36]


def test_a_window_that_it_missed_says_nothing_of_the_share_and_is_marked() -> None:
    live = Beside()
    live.second(0)
    counted = live.share()
    for i in range(1, 34):
        live.second(i, away=True)
    missed = live.share()
    live.fault = Fault(slow={"eu": 10, "us": 10, "asia": 10, "af": 10})
    live.second(34, away=True)

    assert live.findings
    assert {finding.closed_by for finding in live.findings} == {"grace"}
    assert missed > counted  # time was credited, no event of ours was counted among none of theirs
