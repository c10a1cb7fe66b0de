"""Is the output followed, by whom not, and does anything depend on it still? Rates of false alarms are tested as rates."""

import numpy as np
import pytest
from tests.deciding import LENDING, Habit, decided, decision, lending, lending_drive, lending_reference
from tests.traffic import LOAN, T0, Fault, contract_of, in_order, traffic
from tests.watches.seeing import layout, seen

from anchorwatch.events import Finding
from anchorwatch.runtime.drive import Event, Heard
from anchorwatch.stages.banks import shares
from anchorwatch.stages.monitors import Monitors
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import DECIDED, FOLLOWED, IGNORED, NO_DECISION, OVERRIDDEN, UNTOLD, Ints, Used
from anchorwatch.watches.impact import BYPASSED, REASONED, WATCH, BypassRule, agreement, kappa, kappa_draws, uses
from anchorwatch.watches.impact import decided as decided_symbols
from anchorwatch.watches.layout import Layout
from anchorwatch.watches.rules import Facts

HOUR = 3_600_000


def of_lending() -> Layout:
    return Layout(lending(), lending_reference(), catalogue())


def story(habit: Habit, n: int = 3_000, fault: Fault | None = None, quiet: int = 1_500) -> tuple[list[Event], int, int]:
    """Healthy decisions, then others -> events, when they change, when they end."""
    begin = T0 + quiet * 2
    events = [*decided(traffic(quiet, seed=2)), *decided(traffic(n, start_ms=begin, seed=3, fault=fault or Fault()), habit, seed=3)]
    return in_order(events), begin, begin + n * 2


def impact(heard: Heard) -> list[Finding]:
    return [f for f in heard.findings if f.watch == "impact"]


def names(heard: Heard) -> set[tuple[str, str]]:
    """(alertname, segment) of what was warned of."""
    return {(f.name, f.segment) for f in impact(heard) if f.verdict in ("warning", "page", "news", "exact")}


# whole stories, through both stages


def test_healthy_decisions_say_nothing_and_the_summary_says_the_shares() -> None:
    events, _, end = story(Habit())

    heard = lending_drive().feed(events).end(end + 6_000)

    last = heard.summaries[-1]
    assert not names(heard)
    assert last.columns["followed"][0] == pytest.approx(0.8, abs=0.02)
    assert last.columns["ignored"][0] == pytest.approx(0.10, abs=0.02)  # 5 % undecided, 5 % after the p95 of the delays
    assert last.reasons["impact"].startswith("followed 8")
    assert "kappa 0.5" in last.reasons["impact"] or "kappa 0.6" in last.reasons["impact"]
    assert "overridden most for 'vip', 1" in last.reasons["impact"]


def test_people_who_stop_following_are_heard_with_their_reason() -> None:
    events, begin, end = story(Habit(follow=0.5, reasons={"vip": 0.1, "limit": 0.9}))

    heard = lending_drive().feed(events).end(end + 6_000)

    assert {("OutputIgnored", "whole"), ("OutputOverridden", "whole")} <= names(heard)
    told = next(f for f in impact(heard) if f.subject == "reason" and f.segment == "whole")
    assert "overridden for 'limit'" in told.summary
    assert told.severity == "warning"
    assert begin - 5_000 <= told.since_ms <= begin + 5_000


def test_one_region_that_lost_trust_is_named() -> None:
    events, _, end = story(Habit(of={"asia": 0.2}), n=4_000)

    heard = lending_drive().feed(events).end(end + 6_000)

    assert ("OutputIgnored", "region=asia") in names(heard)
    assert ("OutputIgnored", "region=eu") not in names(heard)


def test_people_who_follow_all_of_a_sudden_are_news_and_wake_nobody() -> None:
    events, _, end = story(Habit(follow=1.0))

    heard = lending_drive().feed(events).end(end + 6_000)

    assert {name for name, _ in names(heard)} == {"OutputObeyed"}
    assert {a.labels["severity"] for a in heard.alerts if a.labels["watch"] == "impact"} == {"info"}
    assert {f.verdict for f in impact(heard)} == {"news"}


def test_predictions_that_nobody_decides_are_heard() -> None:
    events, _, end = story(Habit(silent=0.6))

    heard = lending_drive().feed(events).end(end + 6_000)

    assert ("OutputIgnored", "whole") in names(heard)
    assert {f.subject for f in impact(heard)} == {"ignored"}


def test_a_promise_needs_no_reference() -> None:
    contract = contract_of(LENDING, promises="{impact: {followed_at_least: 0.75, within: 1500ms}, alive: {silent_after: 5s}}")
    events, _, end = story(Habit(follow=0.5), n=8_000)

    heard = lending_drive(contract, learning=True).feed(events).end(end + 6_000)

    warned = next(f for f in impact(heard) if f.verdict == "warning")
    assert (warned.subject, warned.line, warned.name) == ("followed", 0.75, "OutputIgnored")
    assert "at least 75 % should be" in warned.summary


def test_a_benign_change_of_mix_is_not_heard() -> None:
    """Three times as many answers are yes, and traffic comes from other regions: what is done with each answer stays."""
    events, _, end = story(Habit(), n=5_000, fault=Fault(positive=0.8, mix={"eu": 0.1, "us": 0.2, "asia": 0.5, "af": 0.2}))

    heard = lending_drive().feed(events).end(end + 6_000)

    assert not names(heard)


def test_decisions_of_other_kinds_are_told_by_the_event_itself() -> None:
    """Without a map, by `recommended` and `use`: by hand 40 followed, 30 overridden, 20 ignored, 10 of which nobody says what was advised."""
    contract = contract_of(LOAN, promises="{impact: {followed_at_least: 0.5, within: 1500ms}, alive: {silent_after: 5s}}")
    events = traffic(100)
    ids = [e.key.decode() for e in events if e.role == "predictions"]
    said: list[dict[str, str]] = [*[{"recommended": "call"}] * 40, *[{"recommended": "mail"}] * 30, *[{"use": "ignored"}] * 20, *[{}] * 10]
    calls = [decision(T0 + 300, pid, "call", **more) for pid, more in zip(ids, said, strict=True)]

    drive = lending_drive(contract, learning=True)
    heard = drive.feed(in_order([*events, *calls])).end(T0 + 20_000)

    recent = drive.judge.models["prod/loan"].recent
    counts = recent.total(uses(recent.layout).key)[0]
    assert counts[[FOLLOWED, REASONED, IGNORED, UNTOLD, NO_DECISION]].tolist() == [40, 30, 20, 10, 0]
    assert heard.summaries[-1].columns["followed"][0] == pytest.approx(40 / 90)


# not measured


def test_what_is_not_measured_is_said() -> None:
    quiet = lending_drive().feed(traffic(400)).end(T0 + 20_000)
    few = lending_drive().feed(decided(traffic(12))).end(T0 + 8_000)
    none = lending_drive(lending(decisions="")).feed(traffic(400)).end(T0 + 20_000)

    assert [heard.summaries[-1].reasons["impact"] for heard in (quiet, few, none)] == [
        "not measured: no decision came",
        "waiting for decisions: 30 are needed",
        "not measured: the contract says nothing of decisions",
    ]
    assert quiet.summaries[-1].columns["followed"][0] is None
    assert "followed" not in none.summaries[-1].columns


# bypassed


def test_a_model_whose_output_changes_no_decision_any_more_is_heard() -> None:
    """As many are granted as before, whatever the model says; hours of 500 predictions each."""
    usual = [decided(traffic(500, start_ms=T0 + i * HOUR, seed=i), seed=i) for i in range(3)]
    bypassed = [decided(traffic(500, start_ms=T0 + i * HOUR, seed=i), Habit(bypass=0.4), seed=i) for i in range(3, 9)]
    healed = [decided(traffic(500, start_ms=T0 + i * HOUR, seed=i), seed=i) for i in range(9, 14)]

    heard = lending_drive().feed(in_order(e for part in (*usual, *bypassed, *healed) for e in part)).end(T0 + 15 * HOUR)

    told = [f for f in impact(heard) if f.name == "ModelBypassed"]
    assert [f.verdict for f in told] == ["exact", "quiet"]
    assert told[0].outside_budget
    assert "agree no more than by chance" in told[0].summary
    assert T0 + 5 * HOUR < told[0].window[1] < T0 + 8 * HOUR
    assert told[0].since_ms >= T0 + 3 * HOUR


def test_rare_answers_and_a_rule_that_grants_all_are_no_bypass_while_they_agree() -> None:
    """2 % are recommended `refuse`, and 80 % of answers are followed: kappa is low, and far from none."""
    parts = [
        decided(traffic(500, start_ms=T0 + i * HOUR, seed=i, fault=Fault(positive=0.97, error=0.0)), Habit(follow=0.97), i)
        for i in range(12)
    ]

    heard = lending_drive().feed(in_order(e for part in parts for e in part)).end(T0 + 13 * HOUR)

    assert "ModelBypassed" not in {name for name, _ in names(heard)}


def looks(agree: float, seeds: int) -> int:
    """How many of that many thousands of decisions are called bypassed; `agree`: kappa, of two actions in equal parts."""
    called = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        half = (1 + agree) / 4
        cells = rng.multinomial(1_000, [half, 0.5 - half, 0.5 - half, half]).reshape(2, 2)
        called += max(kappa(cells) or 0.0, float(kappa_draws(cells, seed).max())) < BYPASSED
    return called


def test_a_model_that_is_used_is_rarely_called_bypassed_and_one_that_is_not_nearly_always() -> None:
    """Looks at thousands of decisions each: at the line .1 one in 220 is called (20,000 looks), at .2 none, at 0 two of three."""
    assert looks(0.1, 2_000) <= 25
    assert looks(0.2, 1_000) == 0
    assert looks(0.0, 400) >= 240


def test_kappa_by_hand() -> None:
    """20 + 15 of 50 agree, by chance half: .4 (Wikipedia's example); constant actions agree by chance alone."""
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert kappa(np.array([[30, 0], [20, 0]])) == 0.0
    assert kappa(np.zeros((2, 2), np.int64)) is None
    assert kappa(np.array([[9, 0], [0, 0]])) is None


def test_the_rule_survives_a_restart_and_forgets_under_other_actions() -> None:
    of = of_lending()
    flat = np.zeros(of.size, np.int64)
    of.view(flat, agreement(of).key)[0, [0, 1, 3, 4]] = 3_000, 3_000, 3_000, 3_000
    rule, twin = BypassRule(of), BypassRule(of)
    rule.window(_facts(flat, T0))
    twin.restore(rule.snapshot())
    found = [each.window(_facts(None, T0 + 2 * HOUR)) for each in (rule, twin)]
    other = BypassRule(Layout(lending(decisions='{"yes": grant, "no": call}'), lending_reference(), catalogue()))
    other.restore(rule.snapshot())

    assert found[0] == found[1]
    assert found[0][0].open
    assert rule.holds() == {"bypassed"}
    assert not other.holds()


def _facts(flat: Ints | None, at: int) -> Facts:
    return Facts(at, at + 1_000, flat, {}, 0, at, (), {})


# the promise


def test_a_habit_exactly_on_its_line_warns_no_more_often_than_promised() -> None:
    """30 days of 24 windows of 60, a mark of 3 days: a tenth of it is warned at, so at most .15 x 30 / .3 = 15 false warnings a life."""
    of, warned, lives = of_lending(), 0, 2
    every = [m for m in of.monitors if m.watch == "impact" and m.segment == "whole"]
    key, symbols = uses(of).key, uses(of).symbols
    p = np.zeros(symbols)
    lines = {m.subject: m.streams[0].line for m in every}
    p[NO_DECISION] = lines["ignored"]
    p[FOLLOWED] = (1 - lines["followed"]) * (1 - p[NO_DECISION])
    p[REASONED:] = lines["followed"] * (1 - p[NO_DECISION]) * np.array([0.6, 0.4, 0.0])
    for seed in range(lives):
        rng, bank = np.random.default_rng(seed), Monitors(of, 3.0)
        for hour in range(720):
            flat = np.zeros(of.size, np.int64)
            of.view(flat, key)[0] = rng.multinomial(60, p)
            heard = bank.window(flat, 1 / 24, hour, hour + 1)
            warned += sum(h.change.verdict in ("warning", "page") and h.monitor.subject in ("followed", "ignored") for h in heard)

    assert warned <= 15 * lives


def test_a_cause_never_pages_and_its_shares_sum_to_no_more_than_its_part() -> None:
    of = of_lending()
    mine = [m for m in of.monitors if m.watch == "impact"]
    found = shares(of.monitors, len(of.segments) - 1)

    assert not any(m.harm for m in mine)
    assert 0 < sum(found[m.key] for m in mine if not m.news) <= 0.15 + 1e-9
    assert 0 < sum(found[m.key] for m in mine if m.news) <= 0.20 + 1e-9
    assert {m.subject for m in mine if m.news} == {"obedient"}


# counting


def test_each_prediction_is_one_symbol_and_agreement_counts_what_was_told() -> None:
    of, found = of_lending(), dict[str, tuple[list[int], list[bool] | None]]()

    class Add:
        def __call__(self, key: str, cells: Ints, where: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None) -> None:
            found[key] = cells.tolist(), None if where is None else where.tolist()

        def weighted(self, key: str, cells: Ints, weights: Ints) -> None: ...

    use = np.array([FOLLOWED, OVERRIDDEN, OVERRIDDEN, IGNORED, NO_DECISION, UNTOLD])
    told = np.array([0, 1, 1, 0, 1, -1])
    done, why = np.array([0, 0, 2, 1, -1, 0]), np.array([2, 0, 2, 1, -1, 0])
    WATCH.decide(of, Used(6, use, told, done, why), Add())

    assert of.reasons == ("vip", "limit")
    assert found[uses(of).key][0] == [FOLLOWED, REASONED, REASONED + 2, IGNORED, NO_DECISION, UNTOLD]
    assert found[agreement(of).key] == ([0, 3, 5, 1, 0, 0], [True, True, True, True, False, False])
    assert decided_symbols(8).tolist() == [FOLLOWED, IGNORED, 5, 6, 7]


def test_a_reference_without_decisions_is_no_reference_of_them() -> None:
    of = layout(LENDING)

    assert not [m for m in of.monitors if m.watch == "impact"]
    assert of.reactions == {DECIDED: of.late_ms}


def test_sentences_of_impact() -> None:
    sights = [
        seen("followed", reference=0.8, current=0.52),
        seen("followed", reference=None, current=0.52, line=0.6, segment="region=eu"),
        seen("obedient", reference=0.8, current=0.97),
        seen("ignored", reference=0.05, current=0.4),
        seen("reason", reference=0.1, current=0.3, label="vip"),
        seen("reason", reference=0.0, current=0.2, label=""),
    ]

    assert [WATCH.explain(each).summary for each in sights] == [
        "Only 52 % of the model's answers are followed (reference 80 %).",
        "Only 52 % of the model's answers on region=eu are followed; at least 60 % should be.",
        "97 % of the model's answers are followed (reference 80 %): does anybody still look?",
        "About 40 % of the model's answers nothing is decided in time (reference 5 %).",
        "30 % of the model's answers are overridden for 'vip' (reference 10 %).",
        "20 % of the model's answers are overridden for reasons that the reference did not have (reference 0 %).",
    ]
