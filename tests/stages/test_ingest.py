"""The stage as the engine drives it: rows in, a clock, a cut; `wall` and `events`."""

import json
from typing import Any

import msgspec
import pytest
from tests.traffic import LOAN, T0, Fault, contract_of, outcome, prediction, traffic

from anchorwatch.contract import to_json
from anchorwatch.events import Applied, Observation, Row
from anchorwatch.runtime import formats
from anchorwatch.runtime.drive import TOPICS, Event
from anchorwatch.stages import dead
from anchorwatch.stages import ingest as ingests
from anchorwatch.stages.ingest import Ingest, IngestSettings
from anchorwatch.stages.registry import Registry

DECODER = msgspec.msgpack.Decoder(Observation)
BOTH = frozenset(TOPICS)


def stage(*, wall: bool = False, text: str = LOAN, **more: Any) -> Ingest:
    registry = Registry(1_000)
    registry.apply(Applied(contract=to_json(contract_of(text)), actor="test", at_ms=0, effective_from_ms=0))
    settings = IngestSettings(
        "default", TOPICS, "observations", 1, "dead-letters", window_ms=1_000, lateness_ms=500, wall=wall, **more
    )  # fmt: skip
    return Ingest(0, 1, registry, formats.native(), settings, {})


def rows(events: list[Event]) -> list[Row]:
    return [(e.key, e.value, i, e.at_ms) for i, e in enumerate(events)]


def take(ingest: Ingest, events: list[Event], polled_ms: int = T0) -> None:
    for role in TOPICS:
        mine = [e for e in events if e.role == role]
        if mine:
            ingest.take(role, rows(mine), polled_ms)


def beat(ingest: Ingest, at_ms: int, *roles: str) -> None:
    for role in roles or TOPICS:
        ingest.take(role, [(None, b'{"heartbeat_at_ms": %d}' % at_ms, 0, at_ms)], at_ms)


def observed(ingest: Ingest) -> list[Observation]:
    return [DECODER.decode(r.value or b"") for r in ingest.freeze({}).records if r.topic == "observations"]


def tallies(ingest: Ingest, at_ms: int = T0 + 60_000) -> dict[str, int]:
    """All that was noted of the loan model, once nothing more comes."""
    beat(ingest, at_ms)
    ingest.tick(at_ms, frozenset())
    found: dict[str, int] = {}
    for observation in observed(ingest):
        for name, n in observation.tallies.get("prod/loan", {}).items():
            found[name] = found.get(name, 0) + n
    return found


def one(i: int, at: int, **more: Any) -> Event:
    return prediction(at, **{"prediction_id": f"p-{i}", "model": "loan", "prediction": "yes", "predicted_at_ms": at, **more})


def label(i: int, known: int, **more: Any) -> Event:
    return outcome(known, **{"prediction_id": f"p-{i}", "model": "loan", "label": "yes", "known_at_ms": known, **more})


# the clock


def test_under_the_clock_of_events_a_silent_topic_holds_the_windows() -> None:
    ingest = stage()
    take(ingest, [one(i, T0 + i * 100) for i in range(100)])

    ingest.tick(T0 + 1_000_000, BOTH)

    assert (ingest.watermark, observed(ingest)) == (-1, [])


def test_a_heartbeat_moves_a_silent_topic() -> None:
    ingest = stage()
    take(ingest, [one(i, T0 + i * 100) for i in range(31)])
    beat(ingest, T0 + 3_000, "outcomes")

    ingest.tick(T0, frozenset())

    assert ingest.watermark == T0 + 2_500
    assert [o.window[0] - T0 for o in observed(ingest)] == [0, 1_000]


def test_under_the_walls_clock_topics_read_to_their_end_move_with_now() -> None:
    ingest = stage(wall=True)
    take(ingest, [one(1, T0)])

    ingest.tick(T0 + 10_000, BOTH)

    assert ingest.watermark == T0 + 9_500


def test_under_the_walls_clock_a_topic_with_a_backlog_stands_where_it_was_read() -> None:
    ingest = stage(wall=True)
    take(ingest, [one(1, T0), label(1, T0 + 100)])

    ingest.tick(T0 + 10_000, frozenset({"outcomes"}))

    assert ingest.watermark == T0 - 500


def test_a_time_far_ahead_of_the_wall_never_moves_the_watermark() -> None:
    """C14: one clock that is wrong by an hour would close all windows. The record timestamp is as wrong."""
    ingest = stage(wall=True)
    take(ingest, [one(1, T0), label(1, T0), one(2, T0 + 3_600_000), label(2, T0 + 3_600_000)], polled_ms=T0)
    ingest.tick(T0, frozenset())

    assert ingest.watermark <= T0


def test_a_time_far_ahead_does_not_hold_back_the_others_of_its_batch() -> None:
    """One producer with a wrong clock in every batch would stall the feed until it is read to its end."""
    ingest = stage(wall=True)
    take(ingest, [one(1, T0), one(2, T0 + 3_600_000), label(1, T0)], polled_ms=T0)
    ingest.tick(T0, frozenset())

    assert ingest.watermark == T0 - 500


def test_the_watermark_never_moves_back() -> None:
    ingest = stage()
    beat(ingest, T0 + 5_000)
    ingest.tick(T0, frozenset())
    take(ingest, [one(1, T0), label(1, T0)])
    ingest.tick(T0, frozenset())

    assert ingest.watermark == T0 + 4_500


# what happens to whom


def test_each_outcome_has_one_effect_and_a_counter() -> None:
    events = [
        *[one(i, T0) for i in range(1, 7)], label(1, T0 + 100), label(1, T0 + 200), label(2, T0 + 100), label(2, T0 + 300, revision=1),
        label(3, T0 + 4_000), label(77, T0 + 100), label(4, T0 + 100, kind="proxy"), label(5, T0 - 50), label(6, T0 + 100, label="maybe"),
    ]  # fmt: skip
    ingest = stage()
    take(ingest, events)

    found = tallies(ingest)

    assert {name: found.get(f"outcome.{name}", 0) for name in ("joined", "duplicate", "revised", "late", "early", "proxy")} == {
        "joined": 5, "duplicate": 1, "revised": 1, "late": 1, "early": 1, "proxy": 1,
    }  # fmt: skip
    assert (found["note.known_before_prediction"], found["note.new_class"], found["matured"]) == (1, 1, 6)


def test_other_arms_are_answers_of_their_own_and_one_outcome_serves_both() -> None:
    ingest = stage()
    take(ingest, [one(1, T0), one(1, T0, arm="shadow", prediction="no"), one(2, T0, arm="baseline"), label(1, T0 + 100)])

    found = tallies(ingest)

    assert (found["arm.shadow"], found["arm.baseline"], found["outcome.joined"], found["matured"]) == (1, 1, 1, 1)
    assert "conflicting_prediction" not in found


def test_a_copy_with_other_content_is_noted_as_such() -> None:
    ingest = stage()
    take(ingest, [one(1, T0), one(1, T0), one(1, T0, prediction="no")])

    found = tallies(ingest)

    assert (found["duplicate_prediction"], found["conflicting_prediction"]) == (2, 1)


def test_a_prediction_after_its_window_left_is_late_and_counted_nowhere_else() -> None:
    ingest = stage()
    beat(ingest, T0 + 10_000)
    ingest.tick(T0, frozenset())
    observed(ingest)
    take(ingest, [one(1, T0 + 1_000), one(2, T0 + 9_800)])

    beat(ingest, T0 + 20_000)
    ingest.tick(T0, frozenset())
    blocks = [b for o in observed(ingest) for b in o.blocks]

    assert sum(b.last_ms == T0 + 9_800 for b in blocks) == 1
    assert tallies(ingest).get("late_prediction", 0) + 1 >= 1


def test_a_failed_call_is_neither_right_nor_wrong_even_if_its_truth_comes() -> None:
    """Its class code -1 ended the task once: a record that kills whoever reads it."""
    ingest = stage()
    take(ingest, [one(1, T0, status=503, prediction=None), one(2, T0), label(1, T0 + 100, label="no"), label(2, T0 + 100)])

    assert tallies(ingest)["matured"] == 1


def test_a_failed_call_that_is_made_again_under_its_id_is_judged_by_its_answer() -> None:
    """The failure happened: latency counts it. The answer came after all: quality holds the truth against it."""
    ingest = stage()
    take(ingest, [one(1, T0, status=503, prediction=None), one(1, T0 + 50), label(1, T0 + 100), one(1, T0 + 60)])

    found = tallies(ingest)

    assert (found["retried_prediction"], found["duplicate_prediction"], found["matured"]) == (1, 1, 1)
    assert "conflicting_prediction" not in found


def test_what_waits_too_long_leaves_as_missing_or_unmatched() -> None:
    """Pages of 4,096 rows leave whole, when all in them are final (30 s)."""
    ingest = stage()
    take(ingest, [one(i, T0 + i % 1_000) for i in range(4_096)] + [label(99_999, T0 + 10)])
    take(ingest, [one(i, T0 + 1_000) for i in range(4_096, 3 * 4_096)])

    found = tallies(ingest, T0 + 200_000)

    assert (found["outcome.missing"], found["outcome.unmatched"]) == (3 * 4_096 - 1, 1)


def test_beyond_its_memory_the_oldest_predictions_expire_and_are_counted() -> None:
    ingest = stage(pending_bytes_max=500_000)
    take(ingest, [one(i, T0 + i // 10) for i in range(12_000)])

    beat(ingest, T0 + 3_000)
    ingest.tick(T0, frozenset())

    [last] = observed(ingest)[-1:]
    assert last.tallies["prod/loan"]["outcome.expired"] > 3_000
    assert ingest.models["prod/loan"].waiting.nbytes <= 500_000


# who is not ours


def test_a_model_without_a_contract_is_counted_by_name() -> None:
    ingest = stage()
    take(ingest, traffic(20, model="ghost"))
    beat(ingest, T0 + 5_000)
    ingest.tick(T0, frozenset())

    assert observed(ingest)[-1].tallies["prod/ghost"]["no_contract"] == 40


def test_names_beyond_the_bound_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingests, "MODELS_MAX", 5)
    ingest = stage()
    take(ingest, [prediction(T0, prediction_id=f"p-{i}", model=f"m{i}", prediction="yes") for i in range(20)])

    assert len(ingest.tallies) <= 6
    assert ingest.tallies[""]["no_contract"] > 10


def test_a_model_of_another_feed_is_left_to_it() -> None:
    ingest = stage(models=frozenset({"prod/other"}))
    take(ingest, traffic(20))

    assert ingest.tallies["prod/loan"] == {"of_another_feed": 40}


def test_rows_of_a_removed_contract_leave() -> None:
    ingest = stage()
    take(ingest, traffic(1_000))
    ingest.registry.record(b"prod/loan", None)

    beat(ingest, T0 + 5_000)
    ingest.tick(T0, frozenset())

    assert ingest.models["prod/loan"].waiting.n == 0


# dead letters


def test_a_refused_record_leaves_with_its_place_and_its_fix() -> None:
    ingest = stage()
    ingest.take("predictions", [(b"p-1", b"[1, 2]", 0, T0)], T0)

    [dead] = ingest.freeze({}).records

    headers = {name: value.decode() for name, value in dead.headers}
    assert (dead.topic, dead.key, dead.value) == ("dead-letters", b"p-1", b"[1, 2]")
    assert (headers["__streams.errors.partition"], headers["__streams.errors.offset"]) == ("0", "0")
    assert headers["anchorwatch.errors.fix"]


def test_of_one_kind_a_hundred_dead_letters_a_minute_are_kept_and_all_are_counted() -> None:
    ingest = stage()
    bad: list[Row] = [(b"x", b"{", i, T0) for i in range(250)]
    ingest.take("predictions", bad, T0)
    ingest.take("predictions", bad[:5], T0 + 60_000)

    assert sum(r.topic == "dead-letters" for r in ingest.freeze({}).records) == dead.PER_MINUTE + 5
    assert ingest.tallies[""]["refused.malformed"] == 255


def test_tombstones_are_neither_events_nor_malformed() -> None:
    """C03: 500 null values among predictions, one as the last record; null keys too."""
    ingest = stage()
    events = rows([one(i, T0) for i in range(10)])
    ingest.take("predictions", [*events, *[(b"p", None, 10 + i, T0) for i in range(499)], (None, None, 510, T0)], T0)

    assert ingest.tallies[""] == {"tombstone": 500, "read.predictions": 510}
    assert not ingest.freeze({}).records


# contracts that change


def test_a_contract_of_tomorrow_without_a_feature_does_not_disturb_today() -> None:
    ingest = stage()
    ingest.registry.apply(
        Applied(
            contract=to_json(contract_of(LOAN.replace("  age: {type: number}\n", ""))), actor="ann", at_ms=0, effective_from_ms=T0 + 2_000
        )
    )
    take(ingest, traffic(1_500))

    beat(ingest, T0 + 5_000)
    ingest.tick(T0, frozenset())

    blocks = [(o.window[0] - T0, b.contract) for o in observed(ingest) for b in o.blocks if "inference.seconds" in b.counts]
    assert [w for w, _ in blocks] == [0, 1_000, 2_000]
    assert blocks[0][1] == blocks[1][1] != blocks[2][1]


def test_spans_hold_partition_zero_and_offset_zero() -> None:
    """C04: zero is a value."""
    ingest = stage()
    take(ingest, [one(0, T0)])
    beat(ingest, T0 + 5_000)
    ingest.tick(T0, frozenset())

    [*_, last] = [DECODER.decode(r.value or b"") for r in ingest.freeze({"predictions": (0, 1)}).records]

    assert (last.task, last.spans) == (0, {"predictions": (0, 1)})


def test_a_kept_prediction_tells_its_trace_and_its_outcome_the_delay() -> None:
    ingest = stage()
    take(ingest, traffic(200, fault=Fault(traced=0.2)))

    kept = ingest.freeze({}).report.kept

    predictions = {k.prediction_id: k for k in kept if k.role == "predictions"}
    outcomes = [k for k in kept if k.role == "outcomes"]
    assert 20 < len(predictions) < 70
    assert len(outcomes) == len(predictions)
    assert all(o.linked == predictions[o.prediction_id].traceparent and 500 <= o.delay_ms < 3_000 for o in outcomes)


def test_a_record_of_a_batch_may_be_read_as_json_again() -> None:
    """The generator of these tests writes what the decoders read without a remark."""
    ingest = stage()
    take(ingest, traffic(200))

    assert set(ingest.tallies["prod/loan"]) == {"outcome.joined"}
    assert json.loads(traffic(1)[0].value)["model"] == "loan"


def test_a_record_timestamp_from_far_ahead_opens_no_window_of_its_own() -> None:
    """A producer whose clock is a year ahead, both in payload and record timestamp: counted now, and noted."""
    made = stage(wall=True)

    take(made, [one(1, T0 + 365 * 86_400_000)])

    windows = {number * made.settings.window_ms for model in made.models.values() for number, _ in model.windows}
    assert windows == {T0 // made.settings.window_ms * made.settings.window_ms}
    assert made.tallies[""]["note.clock_ahead"] == 1


@pytest.mark.parametrize("ahead_ms", [2_000, 120_000, 299_000])
@pytest.mark.parametrize("read_later_ms", [0, 3_600_000])
def test_one_producer_with_a_clock_ahead_makes_nobody_late(ahead_ms: int, read_later_ms: int) -> None:
    """Live or from a backlog: the others' windows are open still when they come."""
    made = stage(wall=True)
    first, second = [one(i, T0 + i) for i in range(5)], [one(i, T0 + 700 + i) for i in range(5, 10)]
    made.take("predictions", [*rows(first), (b"p-x", one(99, T0 + ahead_ms).value, 5, T0 + 10)], T0 + 10 + read_later_ms)
    made.take("outcomes", [(b"p-0", label(0, T0 + ahead_ms).value, 0, T0 + 10)], T0 + 10 + read_later_ms)

    made.tick(T0 + 10 + read_later_ms, frozenset())
    made.take("predictions", rows(second), T0 + 720 + read_later_ms)

    assert made.watermark <= T0 + 10
    assert "late_prediction" not in str(made.tallies)
