"""Field cases C01 to C10: what arrives. What each is, and those that are tested elsewhere, stands in cases.py."""

import json
import random
from collections.abc import Callable

import msgspec
from tests.field_cases.cases import Record, counters, heard, plain, spelt_as, with_features, world
from tests.traffic import (
    LOAN,
    T0,
    Fault,
    edited,
    loan_drive,
    outcome,
    quiet_then,
    traffic,
)

from anchorwatch.runtime.drive import Event

ODD = {
    "encoded twice": json.dumps('{"prediction_id": "p-1", "model": "loan", "prediction": "yes"}').encode(),
    "an array": b'[{"prediction_id": "p-1"}, {"prediction_id": "p-2"}]',
    "two on two lines": b'{"prediction_id": "p-1"}\n{"prediction_id": "p-2"}',
    "connect's envelope": b'{"schema": {}, "payload": {"prediction_id": "p-1"}}',
}


def test_c01_json_inside_json_is_refused_each_with_its_own_fix_and_neighbours_count() -> None:
    events = traffic(200)
    odd = [Event("predictions", T0 + 10 * i, b"x", value) for i, value in enumerate(ODD.values())]

    found = heard([*events, *odd])

    fixes = {dict(r.headers)["anchorwatch.errors.fix"] for r in found.dead}
    assert (len(found.dead), len(fixes)) == (4, 3), "an array and two lines are mended alike: one object a record"
    assert not any(b"expected `object`" in dict(r.headers)["__streams.errors.message"].lower() for r in found.dead)
    assert counters(found, "anchorwatch.predictions") == 200


def test_c01_a_flood_of_them_is_one_alert_that_counts_the_kinds() -> None:
    events = [Event("predictions", T0 + i, b"x", value) for i in range(300) for value in ODD.values()]

    found = heard(events, T0 + 2_000)

    assert [a.labels["alertname"] for a in found.alerts] == ["CannotDecode"]
    assert "cannot be read" in found.alerts[0].annotations["summary"]


def test_c01_a_key_given_twice_means_the_same_on_every_path() -> None:
    twice = b'{"prediction_id":"%s","model":"loan","prediction":"no","prediction":"yes"%s}'
    strict = Event("predictions", T0, b"a", twice % (b"a", b""))
    careful = Event("predictions", T0, b"b", twice % (b"b", b',"latency_ms":NaN'))
    labels = [outcome(T0 + 500, prediction_id=i, model="loan", label="yes", known_at_ms=T0 + 500) for i in "ab"]

    drive = loan_drive()
    heard([strict, careful, *labels], T0 + 10_000, drive)

    cells = drive.judge.models["prod/loan"].recent.confusions()
    assert cells is not None
    assert cells[0].tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_c02_a_key_that_wears_quotes_is_noted() -> None:
    events = [e._replace(key=b'"' + e.key + b'"') if e.role == "outcomes" else e for e in traffic(200)]

    found = heard(events)

    tallies: dict[str, int] = {}
    for summary in found.summaries:
        for name, n in summary.tallies.items():
            tallies[name] = tallies.get(name, 0) + n
    assert (tallies["note.quoted_key"], tallies["note.misplaced_key"]) == (200, 200)


def test_c03_tombstones_change_nothing() -> None:
    events, _, end = quiet_then(500, Fault(error=0.5), quiet=500)
    empty = Event("predictions", T0 + 100, b"p", b"")._replace(value=None)  # type: ignore[arg-type]
    nulls = [empty._replace(at_ms=T0 + i, role="predictions" if i % 2 else "outcomes") for i in range(0, 1_000, 2)]

    found, control = heard([*events, *nulls, empty._replace(at_ms=end)], end + 4_000), heard(events, end + 4_000)

    assert plain(found.findings) == plain(control.findings)
    assert found.dead == []


def test_c04_zero_false_and_empty_text_are_values() -> None:
    text = LOAN.replace('classes: ["no", "yes"], positive: "yes"', 'classes: ["0", "1"]').replace("job: {", "flag: {type: bool}\n  job: {")

    def zero(record: Record) -> Record:
        value = {"score": 0.0, "latency_ms": 0, "prediction": 0, "features": {"amount": 0, "age": 0, "job": "", "flag": False}}
        return {**record, **value} if "prediction" in record else {**record, "label": 0, "revision": 0}

    def zeros(n: int, start: int) -> list[Event]:
        return edited(edited(traffic(n, start_ms=start, fault=Fault(traced=0)), zero), zero, "outcomes")

    drive = world(text, zeros(500, T0 - 3_600_000))
    found = heard(zeros(500, T0), T0 + 5_000, drive)

    assert plain(found.findings) == []
    layout = drive.judge.models["prod/loan"].layout
    assert {f: layout.reference_counts(layout.state_keys[f])[0, :3].tolist() for f in layout.features} == {  # type: ignore[index]
        f: [500, 0, 0] for f in ("amount", "age", "flag", "job")
    }
    cells = drive.judge.models["prod/loan"].recent.confusions()
    assert cells is not None
    assert cells[0, 0, 0] == 500


def test_c05_money_as_base64_is_retyped_with_an_example_and_back_to_normal() -> None:
    events, begin, end = quiet_then(1_000, Fault(retyped={"amount": "J/Y="}), quiet=1_000)
    events += traffic(1_000, start_ms=end, seed=9)

    found = heard(events, end + 5_000)

    told = [(f.name, f.verdict, f.subject, f.summary) for f in found.findings if f.name == "InputRetyped"]
    assert [t[:3] for t in told] == [("InputRetyped", "exact", "amount"), ("InputRetyped", "quiet", "amount")]
    assert 'should be a number but arrives as text, such as "J/Y="' in told[0][3]
    assert next(f.window[1] for f in found.findings if f.name == "InputRetyped") == begin + 1_000
    assert {a.labels["alertname"] for a in found.alerts} == {"InputRetyped"}
    assert found.alerts[-1].state == "resolved"
    assert found.dead == []


def test_c05_a_field_that_is_retyped_now_and_then_is_one_finding() -> None:
    """One value in fifty: most windows hold some, some none."""
    rng = random.Random(4)

    def odd(record: Record) -> Record:
        if rng.random() < 0.02:
            record["features"]["amount"] = "102.30"
        return record

    found = heard(edited(traffic(4_000), odd))

    assert [(f.name, f.verdict) for f in found.findings if f.name == "InputRetyped"] == [("InputRetyped", "exact")]


def test_c05_no_value_of_a_private_field_is_shown() -> None:
    text = LOAN.replace("amount: {type: number}", "amount: {type: number, private: true}")
    drive = world(text, traffic(1_000, start_ms=T0 - 3_600_000))

    found = heard(traffic(1_000, fault=Fault(retyped={"amount": "geheim"})), T0 + 3_000, drive)

    assert [f.name for f in found.findings if f.verdict == "exact"][:1] == ["InputRetyped"]
    everything = msgspec.json.encode([found.findings, found.alerts, found.summaries])
    assert b"geheim" not in everything


def test_c06_three_spellings_of_one_number_are_one_type() -> None:
    spelt: list[Callable[[bytes], bytes]] = [
        lambda raw: raw.replace(b'"age": 1.0', b'"age": 3'), lambda raw: raw.replace(b'"age": 1.0', b'"age": 3e0'), lambda raw: raw,
        lambda raw: raw.replace(b'"age": 1.0', b'"age": -0.0'), lambda raw: raw.replace(b'"age": 1.0', b'"age": 327267367867168100000'),
        lambda raw: raw.replace(b'"age": 1.0', b'"age": 1e400'),
    ]  # fmt: skip
    events = with_features(traffic(900), age=1.0)
    written = [e._replace(value=spelt[i % 6](e.value)) if e.role == "predictions" else e for i, e in enumerate(events)]

    found = heard(written)

    assert found.dead == []
    assert counters(found, "anchorwatch.predictions") == 900
    assert not {f.name for f in found.findings} & {"InputRetyped", "InputUnknown", "InputVanished"}


def test_c07_norway_stays_norway() -> None:
    text = LOAN.replace("by: [region, tier]", "by: [region], always: [region=NO]")
    drive = world(text, edited(traffic(8_000, start_ms=T0 - 3_600_000), lambda r: spelt_as(r, af="NO")))

    events, _, end = quiet_then(3_000, Fault(wrong={"af": 0.9}), quiet=500)
    found = heard(edited(events, lambda r: spelt_as(r, af="NO")), end + 4_000, drive)

    assert {f.segment for f in found.findings if f.watch == "quality"} == {"whole", "region=NO"}
    assert next(a for a in found.alerts if a.loud).labels["segment"] == "region=NO"
    assert "region=NO" in found.alerts[0].annotations["summary"]


def test_c08_look_alikes_are_never_merged_and_add_up_to_the_whole() -> None:
    spellings = ["DE", "de", "DE ", "\uff24\uff25", "D\u0415", "Caf\u00e9", "Cafe\u0301"]
    rng = random.Random(1)

    def spelt(record: Record) -> Record:
        record["segments"] = {"region": rng.choice(spellings)}
        return record

    text = LOAN.replace("by: [region, tier]", "by: [region], always: [region=DE]")
    drive = world(text, edited(traffic(3_000, start_ms=T0 - 3_600_000), spelt))
    found = heard(edited(traffic(1_400), spelt), T0 + 6_000, drive)

    summary = found.summaries[-1]
    volume = dict(zip(summary.segments, summary.columns["predictions"], strict=True))
    assert {f"region={name}" for name in spellings} <= set(volume)
    assert sum(volume[f"region={name}"] or 0 for name in spellings) == volume["whole"] == 1_400


def test_c09_logits_are_told_by_their_share_within_some_dozens_of_records() -> None:
    events, begin, end = quiet_then(1_000, Fault(logits=True), quiet=1_000)

    found = heard(events, end + 2_000)

    first = found.findings[0]
    assert (first.name, first.subject, first.window[1]) == ("PredictionsShifted", "score.missing", begin + 1_000)
    assert "outside 0..1 in 9" in first.summary
    assert sum(a.loud for a in found.alerts) == 1


def test_c10_foreign_bytes_are_refused_by_the_id_of_their_schema_and_neighbours_count() -> None:
    events = traffic(900)
    foreign = [Event("predictions", T0 + 18 * i, b"x", b"\x00\x00\x00\x00\x2a\x06abc") for i in range(100)]

    found = heard([*events, *foreign], T0 + 3_000)

    headers = dict(found.dead[0].headers)
    assert (len(found.dead), headers["anchorwatch.errors.kind"]) == (100, b"schema")
    assert b"42" in headers["__streams.errors.message"]
    assert counters(found, "anchorwatch.predictions") == 900
    assert not found.alerts
