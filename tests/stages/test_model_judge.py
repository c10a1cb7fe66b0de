"""One model, window after window: credit, exact rules by time alone, what a person sees of its traffic."""

import numpy as np
from tests.traffic import LOAN, contract_of, flag_change, loan_applied

from anchorwatch.contract import to_json
from anchorwatch.events import Finding
from anchorwatch.stages.model_judge import JudgeSettings, ModelJudge
from anchorwatch.stages.pile import Pile
from anchorwatch.stages.registry import Registry

SETTINGS = JudgeSettings("findings", "alerts.events", "alerts.state", 1, window_ms=1_000, summary_ms=10_000)


def judge() -> ModelJudge:
    return ModelJudge(Registry(1_000).apply(loan_applied()), SETTINGS, 30.0)


def pile(model: ModelJudge, n: int, last_ms: int) -> Pile:
    found = Pile(model.layout)
    model.layout.view(found.flat, "inference.seconds")[0, 20] = n
    found.last_ms = last_ms
    return found


def test_silence_is_told_at_the_same_moment_however_far_time_jumps() -> None:
    told = []
    for steps in ([30_000], range(1_000, 31_000, 1_000), [4_500, 5_500, 30_000]):
        model = judge()
        model.window((0, 1_000), pile(model, 10, 900), [], "watermark", 0)
        findings = [f for to in steps for f in model.pass_time(to, [], "watermark", 0).findings]
        told.append([(f.name, f.window, f.since_ms) for f in findings])

    assert told[0] == told[1] == told[2] == [("ModelDark", (5_000, 6_000), 900)]


def test_a_second_silence_within_a_day_wakes_when_it_lasts_however_far_time_jumps() -> None:
    """Promised: silent for 5 s at most. Dark again: told quietly after 5 s, loudly when it has lasted three times that."""
    told = []
    for steps in ([100_000], range(1_000, 101_000, 1_000)):
        model = judge()
        model.window((0, 1_000), pile(model, 10, 900), [], "watermark", 0)
        model.pass_time(10_000, [], "watermark", 0)
        alerts = model.window((10_000, 11_000), pile(model, 10, 10_900), [], "watermark", 0).alerts
        alerts += [a for to in steps for a in model.pass_time(to, [], "watermark", to).alerts]
        told.append([(a.state, a.at_ms, a.loud) for a in alerts])

    assert told[0] == told[1] == [("resolved", 11_000, False), ("firing", 16_000, False), ("firing", 31_000, True)]


def with_pace() -> ModelJudge:
    """A reference that expects 3,600 predictions an hour, whatever the hour."""
    applied = loan_applied(LOAN.replace("silent_after: 5s", "silent_after: 1d"))
    assert applied.reference is not None
    applied.reference["pace"] = {"rates": [3_600.0] * 168, "silent": [10.0, 60_000.0], "volume": [3_600.0, 1.0, 165.0, 2.0, 1.0, 1.0]}
    return ModelJudge(Registry(1_000).apply(applied), SETTINGS, 30.0)


def speaking(model: ModelJudge, n: int, second: int) -> list[Finding]:
    """What `alive` says: segments stay empty here, which `volume` would tell."""
    found = pile(model, n, second * 1_000 + 900)
    model.layout.view(found.flat, "events")[0, 0] = n
    told = model.window((second * 1_000, second * 1_000 + 1_000), found, [], "watermark", 0).findings
    return [f for f in told if f.watch == "alive"]


def test_silence_where_much_is_expected_pages_without_any_promise_and_at_the_same_moment_however_time_jumps() -> None:
    told = []
    for steps in ([3_600_000], range(121_000, 3_601_000, 1_000), [130_500, 131_500, 200_000, 3_600_000]):
        model = with_pace()
        quiet = [f for second in range(120) for f in speaking(model, 1, second)]
        findings = [f for to in steps for f in model.pass_time(to, [], "watermark", 0).findings]
        told.append([(f.verdict, f.name, f.subject, f.window) for f in findings])
        assert quiet == []

    assert told[0] == told[1] == told[2]
    [(verdict, name, subject, window)] = told[0]
    assert (verdict, name, subject) == ("page", "ModelDark", "traffic")
    assert 140_000 <= window[1] <= 160_000  # after two to four spells of ten seconds


def test_what_was_switched_off_is_not_silent() -> None:
    model = with_pace()
    for second in range(120):
        speaking(model, 1, second)

    judged = model.pass_time(3_600_000, [flag_change(120_500, "off")], "watermark", 0)

    assert {f.name for f in judged.findings} == {"ModelSwitchedOff"}


def test_silence_goes_on_after_a_restart() -> None:
    model, twin = with_pace(), with_pace()
    for second in range(120):
        speaking(model, 1, second)
    model.pass_time(131_000, [], "watermark", 0)

    header, arrays = model.snapshot()
    twin.restore(header, arrays)

    one, other = (m.pass_time(3_600_000, [], "watermark", 0).findings for m in (model, twin))
    assert one == other
    assert one


def test_traffic_is_said_in_one_word() -> None:
    model = judge()
    before = model.traffic
    model.window((0, 1_000), pile(model, 10, 900), [], "watermark", 0)
    alive = model.traffic
    model.pass_time(20_000, [], "watermark", 0)
    dark = model.traffic
    model.pass_time(21_000, [flag_change(20_500, "off")], "watermark", 0)

    assert (before, alive, dark, model.traffic) == ("no traffic yet", "alive", "dark", "switched off")
    announced = judge()
    announced.window((0, 1_000), pile(announced, 10, 900), [flag_change(500, "off", announced=True)], "watermark", 0)
    assert announced.traffic == "retired"


def test_a_flag_of_the_future_is_not_told_yet() -> None:
    model = judge()

    judged = model.pass_time(1_000, [flag_change(5_000, "off")], "watermark", 0)

    assert judged.findings == []


def test_notes_are_told_with_the_next_summary_and_then_begin_anew() -> None:
    model = judge()
    model.note({"outcome.joined": 3})
    model.note({"outcome.joined": 2})

    summaries = [s for to in (5_000, 10_000, 20_000) for s in model.pass_time(to, [], "watermark", 0).summaries]

    assert [s.tallies for s in summaries] == [{"outcome.joined": 5}, {}]


def test_after_a_long_silence_credit_is_a_day_at_most() -> None:
    """Else the first event after a month, or after a date of 1970, would page by itself."""
    model = judge()
    model.window((0, 1_000), pile(model, 1, 900), [], "watermark", 0)
    year = 365 * 86_400_000

    judged = model.window((year, year + 1_000), pile(model, 1, year + 900), [], "watermark", 0)

    assert [f for f in judged.findings if f.watch != "alive"] == []
    assert max(model.monitors.evidence().values()) <= 1.0


def test_a_new_owner_is_told_of_what_is_open() -> None:
    model, registry = judge(), Registry(1_000)
    slow = Pile(model.layout)
    key = next(key for key in model.layout.counts if key.startswith("inference.over_p99"))
    model.layout.view(slow.flat, key)[0] = [100, 100]
    slow.last_ms = 900
    opened = model.window((0, 1_000), slow, [], "watermark", 0).alerts
    applied = loan_applied()
    applied.contract["owner"]["team"] = "group:default/new"

    model.change(registry.apply(applied), 30.0)

    assert opened[0].owner["team"] == "group:default/risk"
    assert {a.owner["team"] for a in model.alerts.open()} == {"group:default/new"}


def test_more_models_in_the_fleet_raise_the_mark_and_keep_the_ratio() -> None:
    model = judge()
    model.window((0, 1_000), pile(model, 10, 900), [], "watermark", 0)
    before = model.monitors.evidence()

    model.change(model.version, 90.0)

    after = model.monitors.evidence()
    assert model.monitors.level_days == 90.0
    assert all(np.isclose(after[key], 3 * before[key], rtol=1e-4) for key in before)


def test_alerts_of_a_field_that_is_not_watched_any_more_end() -> None:
    model, registry = judge(), Registry(1_000)
    gone = Pile(model.layout)
    model.layout.view(gone.flat, model.layout.state_keys["age"])[0, :3] = [0, 100, 0]
    gone.last_ms = 900
    opened = model.window((0, 1_000), gone, [], "watermark", 0)
    assert {a.labels["alertname"] for a in opened.alerts} == {"InputVanished"}
    applied = loan_applied()
    applied.contract = to_json(contract_of(LOAN.replace("  age: {type: number}\n", "")))

    ended = model.change(registry.apply(applied), 30.0)

    assert {(a.labels["subject"], a.state, a.reason) for a in ended} == {("age", "resolved", "no longer watched")}
