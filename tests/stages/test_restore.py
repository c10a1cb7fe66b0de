"""A task that dies at any batch and comes back from its chunks has the same future, byte by byte; and its chunks stay few and small."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.stages.lives import ManyLives, run
from tests.stages.test_any_arrival import CLOCKWORK, END, promised
from tests.strategies import Life, batches, cuts, events_of, lives, shuffled
from tests.traffic import T0, Fault, flag, in_order, loan_applied, quiet_then, traffic

from anchorwatch.errors import StateCorrupt
from anchorwatch.events import Observation
from anchorwatch.runtime import formats
from anchorwatch.stages import ingest_state, table
from anchorwatch.stages.ingest import Ingest
from anchorwatch.stages.judge import Judge
from anchorwatch.state import CHUNK_BYTES_MAX, pack, parts

DECODER = msgspec.msgpack.Decoder(Observation)


def output(drive: ManyLives) -> tuple[list[bytes | None], list[Observation]]:
    """All that judge wrote, as bytes; all that ingest wrote, without the order of names in its tables."""
    return [r.value for r in drive.written], [DECODER.decode(r.value or b"") for r in drive.sent if r.topic == "observations"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives(), st.integers(0, 1_000), cuts(), st.integers(1, 3), st.frozensets(st.integers(0, 12)))
def test_whoever_dies_after_any_batch_has_the_same_future(
    story: list[Life], seed: int, places: list[int], tasks: int, deaths: frozenset[int]
) -> None:
    arrival = batches(shuffled(events_of(story), seed), places)
    clockwork = replace(CLOCKWORK, tasks=tasks)

    assert output(run(promised(), clockwork, arrival, END, deaths)) == output(run(promised(), clockwork, arrival, END))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(wrong={"af": 0.6}, slow={"asia": 4.0}, revised=0.05, late=0.05),
        Fault(rename={"amount": "Amount_EUR"}, extra={"colour": "red"}),
        Fault(retyped={"amount": "J/Y="}, version="4", reason="targeting_match"),
    ],
    ids=["wrong", "renamed", "retyped"],
)
def test_evidence_alerts_and_exact_rules_survive_deaths(fault: Fault) -> None:
    """With a reference, all kinds of monitors, a flag that goes off and on, silence at the end."""
    events, begin, end = quiet_then(1_500, fault, quiet=1_500)
    events = in_order([*events, flag(begin - 1_000, "off", actor="ann"), flag(begin, "on", actor="ann")])
    arrival = batches(events, list(range(0, len(events), 400)))

    often = run(loan_applied(), CLOCKWORK, arrival, end + 10_000, frozenset(range(len(arrival))))

    never = run(loan_applied(), CLOCKWORK, arrival, end + 10_000)
    assert len(never.heard.alerts) > 3
    assert output(often) == output(never)


def test_rows_are_swept_into_pages_so_that_chunks_stay_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages, as if it ran for days: 150 cuts of 40 predictions each, that live for 30 s of event time."""
    for module in (table, ingest_state):
        monkeypatch.setattr(module, "PAGE", 128)
    monkeypatch.setattr(ingest_state, "DELTAS_MIN", 8)
    monkeypatch.setattr(ingest_state, "SWEEP", 16)
    arrival = [traffic(40, start_ms=T0 + i * 400, rate=100, seed=i, fault=Fault(late=0.2)) for i in range(150)]
    drive = ManyLives([promised()], CLOCKWORK)
    most = 0

    for i, batch in enumerate(arrival):
        drive.feed(batch)
        most = max(most, len(drive.chunks[0]))
        if i % 50 == 49:
            drive.reborn()
    drive.end(T0 + 150_000)

    assert any(key.startswith(b"page:") for key in drive.chunks[0]) or most > 8
    assert most < 100
    assert output(drive) == output(run(promised(), CLOCKWORK, arrival, T0 + 150_000))
    assert max(map(len, drive.chunks[0].values())) <= CHUNK_BYTES_MAX


def test_a_chunk_that_was_changed_is_refused() -> None:
    drive = run(promised(), CLOCKWORK, [traffic(50)], END)
    whole = drive.chunks[0][b"meta#0"]

    with pytest.raises(StateCorrupt, match="checksum"):
        again(drive, {**drive.chunks[0], b"meta#0": whole[:-1] + b"x"})


def test_a_chunk_of_a_newer_anchorwatch_is_refused_by_name() -> None:
    drive = run(promised(), CLOCKWORK, [traffic(50)], END)
    newer = parts("meta", pack("ingest.meta", ingest_state.VERSION + 1, {}))

    with pytest.raises(StateCorrupt, match=r"'ingest.meta' is of version 2.*run the newer Anchorwatch"):
        again(drive, {**drive.chunks[0], **{key: part or b"" for key, part in newer.items()}})


def test_a_missing_part_is_refused_by_name() -> None:
    drive = run(promised(), CLOCKWORK, [traffic(50)], END)

    with pytest.raises(StateCorrupt, match=r"chunk 'meta' has parts \[1\]"):
        again(drive, {b"meta#1": drive.chunks[0][b"meta#0"]})


def test_a_judge_refuses_the_chunks_of_an_ingest_task() -> None:
    drive = run(promised(), CLOCKWORK, [traffic(50)], END)
    wrong = parts("feeds", pack("ingest.meta", 1, {}))

    with pytest.raises(StateCorrupt, match=r"kind .ingest\.meta. stands where .judge\.feeds. is expected"):
        Judge(0, 1, drive.registry, drive.flags, drive.judge.settings, {key: part or b"" for key, part in wrong.items()})


def again(drive: ManyLives, chunks: dict[bytes, bytes]) -> Ingest:
    return Ingest(0, 1, drive.registry, formats.native(), drive.ingests[0].settings, chunks)
