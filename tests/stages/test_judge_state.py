"""What a cut of the judge writes; whole lives are in test_restore.py."""

from tests.stages.test_judge import Live, command, slow
from tests.stages.wide import NARROW, wide_applied, wide_traffic
from tests.traffic import T0, loan_applied, traffic

from anchorwatch.stages.judge import Judge
from anchorwatch.stages.judge_state import VERSION
from anchorwatch.state import join, pack, parts, unpack


def written(live: Live) -> set[str]:
    frozen = live.judge.freeze({})
    return {key.decode().partition("#")[0] for key in frozen.chunks}


def test_a_model_is_written_when_it_was_judged_and_not_before() -> None:
    live = Live()
    live.say(traffic(600), T0 + 1_000)
    live.say([], T0 + 1_700)

    assert b"model:prod/loan#0" in live.chunks
    assert written(live) == {"feeds"}


def test_a_command_is_written_at_once() -> None:
    live = Live()
    alert = slow(live)
    live.judge.command(1, command("ack", alert.id))
    live.judge.tick(T0 + 2_000, frozenset())

    assert written(live) == {"feeds", "model:prod/loan"}


def test_windows_that_wait_survive_with_their_counts() -> None:
    live = Live()
    live.say(traffic(500), T0 + 1_600, stuck=1)
    before = live.judge.feeds["default"]

    live.reborn()

    after = live.judge.feeds["default"]
    assert after.piles.keys() == before.piles.keys() != set()
    for window, piles in before.piles.items():
        assert {k: p.flat.tolist() for k, p in piles.items()} == {k: p.flat.tolist() for k, p in after.piles[window].items()}
    assert (after.watermarks, after.read, after.first_passed) == (before.watermarks, before.read, before.first_passed)


def test_windows_that_wait_keep_those_that_stand_for_what_was_judged() -> None:
    live = Live()
    live.registry.apply(wide_applied(NARROW))
    live.say(wide_traffic(3_000), T0 + 7_600, stuck=1)
    before = {window: piles["prod/wide"].drawn for window, piles in live.judge.feeds["default"].piles.items() if "prod/wide" in piles}

    live.reborn()

    after = {window: live.judge.feeds["default"].piles[window]["prod/wide"].drawn for window in before}
    kept = [(one, other) for one, other in zip(before.values(), after.values(), strict=True) if one is not None and other is not None]
    assert len(kept) == sum(drawn is not None for drawn in before.values()) > 0
    for one, other in kept:
        assert [column.tolist() for column in one] == [column.tolist() for column in other]


def test_windows_that_wait_are_read_by_the_names_of_their_counts_not_by_their_places() -> None:
    """As if the release before counted something more, first of all, and this one something new."""
    live = Live()
    live.say(traffic(500), T0 + 1_600, stuck=1)
    before = live.judge.feeds["default"]
    kept = unpack(join({k: v for k, v in live.chunks.items() if k.startswith(b"feeds#")})["feeds"], "judge.feeds", VERSION)
    (model,) = kept.header["tables"]
    gone, *more = kept.header["tables"][model]
    kept.header["tables"][model] = [["older", 7], gone, *more]
    shift = 7 * len(live.registry.versions["prod/loan"][-1].layout.segments)
    arrays = {name: a + shift if name.endswith("/at") else a for name, a in kept.arrays.items()}
    made = parts("feeds", pack("judge.feeds", VERSION, kept.header, arrays), 1)
    live.chunks |= {k: v for k, v in made.items() if v is not None}

    live.reborn()

    after = live.judge.feeds["default"]
    assert before.piles
    assert {w: {k: p.flat.tolist() for k, p in piles.items()} for w, piles in after.piles.items()} == {
        w: {k: p.flat.tolist() for k, p in piles.items()} for w, piles in before.piles.items()
    }


def test_a_model_whose_contract_comes_later_is_kept_until_then() -> None:
    live = Live()
    alert = slow(live)
    live.registry.record(b"prod/loan", None)
    live.reborn()
    live.judge.tick(T0 + 3_000, frozenset())
    asleep = dict(live.judge.models)

    live.registry.apply(loan_applied())
    live.judge.tick(T0 + 3_000, frozenset())

    assert asleep == {}
    assert alert.id in {a.id for a in live.judge.models["prod/loan"].alerts.open()}


def test_evidence_of_a_contract_that_changed_while_nobody_ran_starts_anew_and_its_alerts_end() -> None:
    live = Live()
    slow(live)
    changed = loan_applied()
    changed.contract["promises"]["latency"]["inference_p99"] = "90ms"
    live.registry.apply(changed)

    live.reborn()
    live.judge.tick(T0 + 3_000, frozenset())
    live.cut()

    assert {a.state for a in live.alerts} == {"resolved"}
    assert live.judge.models["prod/loan"].monitors.busy() == []


def test_empty_chunks_make_an_empty_judge() -> None:
    live = Live()

    judge = Judge(0, 1, live.registry, live.judge.flags, live.settings, {})

    assert (judge.feeds, judge.models, judge.command_offset) == ({}, {}, -1)
