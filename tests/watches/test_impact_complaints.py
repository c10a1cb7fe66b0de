"""Do more of a model's answers draw a complaint? Rates of false alarms are tested as rates; decisions are in test_impact.py."""

import numpy as np
import pytest
from tests.complaining import Mood, complained, heeding, heeding_drive, heeding_reference
from tests.traffic import LOAN, T0, Fault, contract_of, in_order, learnt, traffic
from tests.watches.seeing import seen

from anchorwatch.events import Finding
from anchorwatch.runtime.drive import Event, Heard
from anchorwatch.stages.banks import shares
from anchorwatch.stages.monitors import Monitors
from anchorwatch.watches import catalogue
from anchorwatch.watches.impact import COMPLAINED_MORE, WATCH, complaints
from anchorwatch.watches.layout import Layout

PROMISE = "{impact: {complaints_at_most: 0.05, complaints_within: 1500ms}, alive: {silent_after: 5s}}"


def of_heeding() -> Layout:
    return Layout(heeding(), heeding_reference(), catalogue())


def story(mood: Mood, n: int = 3_000, fault: Fault | None = None, quiet: int = 1_500) -> tuple[list[Event], int, int]:
    """Healthy complaints, then others -> events, when they change, when they end."""
    begin = T0 + quiet * 2
    events = [
        *complained(traffic(quiet, seed=2)), *complained(traffic(n, start_ms=begin, seed=3, fault=fault or Fault()), mood, seed=3)
    ]  # fmt: skip
    return in_order(events), begin, begin + n * 2


def warned(heard: Heard) -> list[Finding]:
    return [f for f in heard.findings if f.watch == "impact" and f.verdict in ("warning", "page", "exact")]


def names(heard: Heard) -> set[tuple[str, str, str]]:
    return {(f.name, f.subject, f.segment) for f in warned(heard)}


# whole stories, through both stages


def test_usual_complaints_say_nothing_and_the_summary_says_their_share() -> None:
    events, _, end = story(Mood())

    heard = heeding_drive().feed(events).end(end + 6_000)

    last = heard.summaries[-1]
    assert not names(heard)
    assert last.columns["complained"][0] == pytest.approx(0.019, abs=0.006)  # one in twenty comes after the p95 of the delays
    assert "of 4,500 predictions drew a complaint, most of kind '" in last.reasons["complaints"]
    assert last.reasons["impact"] == "not measured: the contract says nothing of decisions"


def test_more_complaints_are_a_warning_with_their_kind_and_never_a_page() -> None:
    events, begin, end = story(Mood(share=0.1, kinds={"ticket": 1.0}))

    heard = heeding_drive().feed(events).end(end + 6_000)

    assert {("OutputComplained", "complaints", "whole"), ("OutputComplained", "kind", "whole")} <= names(heard)
    told = {f.subject: f for f in warned(heard) if f.segment == "whole"}
    assert "draw a complaint (reference 1." in told["complaints"].summary
    assert "of kind 'ticket'" in told["kind"].summary
    assert {f.severity for f in warned(heard)} == {"warning"}
    assert {a.labels["severity"] for a in heard.alerts if a.labels["watch"] == "impact"} == {"warning"}
    assert begin - 5_000 <= told["complaints"].since_ms <= begin + 5_000


def test_one_region_whose_customers_complain_is_named() -> None:
    events, _, end = story(Mood(of={"asia": 0.3}), n=4_000)

    found = names(heeding_drive().feed(events).end(end + 6_000))

    assert ("OutputComplained", "complaints", "region=asia") in found
    assert not [name for name in found if name[2] == "region=eu"]


def test_a_kind_that_the_reference_did_not_have_is_heard_alone() -> None:
    """As many tickets and as much churn as ever, and lawsuits beside them, which do not double the whole: its line is at twice the reference."""
    events, _, end = story(Mood(share=0.032, kinds={"ticket": 0.012, "churn": 0.008, "lawsuit": 0.012}), n=9_000)

    heard = heeding_drive().feed(events).end(end + 6_000)

    assert {f.subject for f in warned(heard) if f.segment == "whole"} == {"kind"}
    assert "draw a complaint of a kind that the reference did not have" in next(f for f in warned(heard) if f.segment == "whole").summary


def test_a_promise_needs_no_reference_and_is_the_line_of_the_whole() -> None:
    events, _, end = story(Mood(share=0.15), n=6_000)

    heard = heeding_drive(contract_of(LOAN, promises=PROMISE), learning=True).feed(events).end(end + 6_000)
    known = Layout(heeding(promises=PROMISE), heeding_reference(), catalogue())

    first = warned(heard)[0]
    assert (first.subject, first.line, first.segment, first.reference) == ("complaints", 0.05, "whole", None)
    assert first.summary.endswith("draw a complaint; at most 5 % should.")
    assert [m.line for m in known.monitors if m.key == "impact:complaints/whole"] == [0.05]
    assert [m for m in known.monitors if m.key == "impact:complaints/region=eu"]
    assert known.reactions == {"complained": 1_500}


def test_a_benign_change_of_mix_is_not_heard() -> None:
    events, _, end = story(Mood(), n=5_000, fault=Fault(positive=0.8, mix={"eu": 0.1, "us": 0.2, "asia": 0.5, "af": 0.2}))

    assert not names(heeding_drive().feed(events).end(end + 6_000))


def test_that_nobody_complains_is_not_called_good() -> None:
    """Contentment, or a topic that nobody writes to: they look alike."""
    heard = heeding_drive().feed(traffic(400)).end(T0 + 20_000)
    few = heeding_drive().feed(complained(traffic(12), Mood(share=1.0))).end(T0 + 8_000)

    assert heard.summaries[-1].reasons["complaints"] == "not measured: no complaint came"
    assert heard.summaries[-1].columns["complained"] == [None] * len(heard.summaries[-1].segments)
    assert few.summaries[-1].reasons["complaints"] == "waiting for predictions that are old enough: 30 are needed"


def test_a_reference_without_a_complaint_is_no_reference_of_them() -> None:
    known = learnt(heeding(), traffic(2_000))
    of = Layout(heeding(), known, catalogue())

    assert not [m for m in of.monitors if m.watch == "impact"]
    assert of.reactions == {"complained": of.late_ms}


# lines


def test_the_line_is_twice_the_reference_and_half_a_point_above_it_at_least() -> None:
    """By hand: of 8,000 some 150 complained in time, 1.9 %, so 3.8 %; of a reference of one in a thousand .6 %."""
    of = of_heeding()
    k = int(of.reference_counts(complaints(of).key)[0, 1:].sum())  # type: ignore[index]
    rare = Layout(heeding(), learnt(heeding(), complained(traffic(8_000, seed=7), Mood(share=0.001))), catalogue())

    line = {m.key: m.line or 0 for m in of.monitors}["impact:complaints/whole"]
    low = {m.key: m for m in rare.monitors}["impact:complaints/whole"]
    assert line == pytest.approx(2 * k / 8_000, rel=0.02)
    assert low.reference is not None
    assert low.line == pytest.approx(low.reference + COMPLAINED_MORE, abs=0.0002)


def test_complaints_exactly_on_their_line_warn_no_more_often_than_promised() -> None:
    """60 days of 24 windows of 60, a mark of 3 days: a tenth of it is warned at, so at most .15 x 60 / .3 = 30 false warnings a life."""
    of, told, lives = of_heeding(), 0, 2
    lines = {m.key: m.streams for m in of.monitors if m.watch == "impact" and m.segment == "whole"}
    total = lines["impact:complaints/whole"][0].line
    kinds = np.array([stream.line for stream in lines["impact:kind/whole"]])
    p = np.concatenate([[1 - total], kinds / kinds.sum() * total])
    for seed in range(lives):
        rng, bank = np.random.default_rng(seed), Monitors(of, 3.0)
        for hour in range(1_440):
            flat = np.zeros(of.size, np.int64)
            of.view(flat, complaints(of).key)[0] = rng.multinomial(60, p)
            heard = bank.window(flat, 1 / 24, hour, hour + 1)
            told += sum(h.change.verdict in ("warning", "page") and h.monitor.watch == "impact" for h in heard)

    assert told <= 30 * lives


def test_a_cause_never_pages_and_its_shares_sum_to_no_more_than_its_part() -> None:
    of = of_heeding()
    mine = [m for m in of.monitors if m.watch == "impact"]
    found = shares(of.monitors, len(of.segments) - 1)

    assert {m.subject for m in mine} == {"complaints", "kind"}
    assert not any(m.harm for m in mine)
    assert 0 < sum(found[m.key] for m in mine) <= 0.15 + 1e-9


def test_a_single_kind_has_no_stream_beside_the_whole_of_complaints() -> None:
    """Else one rise would be told twice."""
    one = learnt(heeding(), complained(traffic(3_000), Mood(kinds={"ticket": 1.0})))
    of = Layout(heeding(), one, catalogue())

    streams = [[s.label for s in m.streams] for m in of.monitors if m.key == "impact:kind/whole"]

    assert one.kinds == ("ticket",)
    assert streams == [[""]]


def test_sentences_of_complaints() -> None:
    sights = [
        seen("complaints", reference=0.004, current=0.021),
        seen("complaints", reference=None, current=0.021, line=0.01, label="promised"),
        seen("complaints", reference=0.0, current=0.021, line=0.01, label="promised"),
        seen("complaints", reference=0.004, current=0.021, line=0.01, label="promised", segment="region=eu"),
        seen("kind", reference=0.001, current=0.012, label="churn"),
        seen("kind", reference=0.0, current=0.008, label=""),
    ]

    assert [WATCH.explain(each).summary for each in sights] == [
        "2.1 % of the model's answers draw a complaint (reference 0.4 %).",
        "2.1 % of the model's answers draw a complaint; at most 1 % should.",
        "2.1 % of the model's answers draw a complaint; at most 1 % should.",
        "2.1 % of the model's answers on region=eu draw a complaint (reference 0.4 %); at most 1 % should.",
        "1.2 % of the model's answers draw a complaint of kind 'churn' (reference 0.1 %).",
        "0.8 % of the model's answers draw a complaint of a kind that the reference did not have (reference 0 %).",
    ]
