import gzip
import json
from pathlib import Path

import pytest

from anchorwatch.contract import Contract, parse
from anchorwatch.errors import ConfigError
from anchorwatch.runtime.rows import EventRow, read_rows

CONTRACT = """
contract: 1
model: fraud
task: binary
owner: {team: risk}
timezone: Europe/Berlin
labels: {classes: ["0", "1"], positive: "1", delay: {typical: 1h}}
features: {amount: {type: number}, country: {type: category}, vip: {type: bool}}
segments: {by: [country, tier]}
"""
AT = 1_535_796_000_000  # 2018-09-01T12:00:00+02:00


@pytest.fixture
def contract() -> Contract:
    return parse(CONTRACT, "fraud.yaml")


def written(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def refusal(file: Path, contract: Contract) -> str:
    with pytest.raises(ConfigError) as caught:
        read_rows(file, contract)
    return str(caught.value)


def test_a_row_is_a_prediction_and_an_outcome_at_the_time_it_was_known(tmp_path: Path, contract: Contract) -> None:
    file = written(tmp_path, "prediction_id,predicted_at_ms,prediction,score,label,known_at_ms", f"a,{AT},1,0.9,0,{AT + 7}")

    assert [(row.role, row.at_ms, row.key, json.loads(row.value)) for row in read_rows(file, contract)] == [
        ("predictions", AT, b"a", {"prediction_id": "a", "model": "fraud", "predicted_at_ms": AT, "prediction": "1", "score": 0.9}),
        ("outcomes", AT + 7, b"a", {"prediction_id": "a", "model": "fraud", "label": "0", "known_at_ms": AT + 7}),
    ]


def test_bare_names_go_where_the_contract_declares_them(tmp_path: Path, contract: Contract) -> None:
    file = written(tmp_path, "predicted_at_ms,prediction,amount,country,vip,tier,features.extra", f"{AT},1,9.5,DE,true,gold,x")
    event = json.loads(read_rows(file, contract)[0].value)

    assert event["features"] == {"amount": 9.5, "country": "DE", "vip": True, "extra": "x"}
    assert event["segments"] == {"tier": "gold"}
    assert event["prediction_id"] == "row-2"


def test_events_come_in_the_order_of_their_own_time(tmp_path: Path, contract: Contract) -> None:
    """The outcome of `a` is known after `b` was predicted; at equal times the prediction is first."""
    file = written(tmp_path, "prediction_id,predicted_at_ms,prediction,label,known_at_ms", f"b,{AT + 5},1,,", f"a,{AT},1,1,{AT + 5}")

    assert [(row.key, row.role) for row in read_rows(file, contract)] == [(b"a", "predictions"), (b"b", "predictions"), (b"a", "outcomes")]


@pytest.mark.parametrize("time", ["2018-09-01T12:00:00+02:00", "2018-09-01 12:00", "2018-09-01T10:00:00Z", "2018-09-01T12:00:00,000+0200"])
def test_times_are_iso_and_without_offset_the_contracts_own(tmp_path: Path, contract: Contract, time: str) -> None:
    cell = f'"{time}"'

    assert read_rows(written(tmp_path, "predicted_at,prediction", f"{cell},1"), contract)[0].at_ms == AT


@pytest.mark.parametrize("time", ["01/09/2018", "01.09.2018 12:00", "1 Sep 2018", "2018-9-1", "2018-02-30", "1535796000"])
def test_a_date_that_can_be_read_in_two_ways_is_refused(tmp_path: Path, contract: Contract, time: str) -> None:
    said = refusal(written(tmp_path, "predicted_at,prediction", f"{time},1"), contract)

    assert said.startswith(f"{tmp_path}/rows.csv:2: predicted_at = {time}: ")


def test_seconds_in_a_column_of_milliseconds_are_seen(tmp_path: Path, contract: Contract) -> None:
    assert "look like seconds" in refusal(written(tmp_path, "predicted_at_ms,prediction", "1535796000,1"), contract)


def test_all_bad_rows_are_told_with_their_lines_up_to_twenty(tmp_path: Path, contract: Contract) -> None:
    said = refusal(written(tmp_path, "predicted_at_ms,prediction,amount", *[f"{AT},1,x"] * 30), contract).splitlines()

    assert len(said) == 20
    assert said[0].endswith("rows.csv:2: amount = x: must be a number")
    assert said[-1].endswith("more lines have problems")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("predicted_at_ms", "column prediction is needed"),
        ("prediction", "predicted_at_ms or predicted_at is needed"),
        ("predicted_at_ms,predicted_at,prediction", "say the same"),
        ("predicted_at_ms,prediction,amuont", 'did you mean "amount"?'),
        ("predicted_at_ms,prediction,prediction", "is there twice"),
        ("predicted_at_ms;prediction", "cells are divided by commas"),
    ],
)
def test_columns_that_make_no_sense_are_refused(tmp_path: Path, contract: Contract, names: str, told: str) -> None:
    assert told in refusal(written(tmp_path, names), contract)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f"{AT},1", "has 2 cells"),
        (f"{AT},,1,", "prediction: is empty"),
        (f"{AT},1,nan,", "must be finite"),
        (",1,1,", "predicted_at: is needed"),
        (f"{AT},1,1,20x", "status = 20x"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(tmp_path: Path, contract: Contract, row: str, told: str) -> None:
    assert told in refusal(written(tmp_path, "predicted_at_ms,prediction,score,status", row), contract)


def test_a_failed_call_has_no_answer(tmp_path: Path, contract: Contract) -> None:
    event = json.loads(read_rows(written(tmp_path, "predicted_at_ms,prediction,status", f"{AT},,503"), contract)[0].value)

    assert event["status"] == 503
    assert "prediction" not in event


def test_classes_are_met_however_a_spreadsheet_writes_them(tmp_path: Path, contract: Contract) -> None:
    rows = read_rows(written(tmp_path, "predicted_at_ms,prediction,label", f"{AT},1.0,0.00"), contract)

    assert [json.loads(row.value).get("prediction", json.loads(row.value).get("label")) for row in rows] == ["1", "0"]


def test_an_outcome_without_its_time_is_known_after_the_typical_delay(tmp_path: Path, contract: Contract) -> None:
    rows = read_rows(written(tmp_path, "predicted_at_ms,prediction,label", f"{AT},1,1"), contract)

    assert rows[1].at_ms - rows[0].at_ms == 3_600_000


def test_a_missing_feature_is_null_and_a_missing_segment_is_left_out(tmp_path: Path, contract: Contract) -> None:
    event = json.loads(read_rows(written(tmp_path, "predicted_at_ms,prediction,amount,tier", f"{AT},1,,"), contract)[0].value)

    assert event["features"] == {"amount": None}
    assert "segments" not in event or event["segments"] == {}


def test_a_packed_file_is_the_same(tmp_path: Path, contract: Contract) -> None:
    plain = written(tmp_path, "predicted_at_ms,prediction", f"{AT},1")
    packed = tmp_path / "rows.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert (
        read_rows(packed, contract)
        == read_rows(plain, contract)
        == [EventRow("predictions", AT, b"row-2", read_rows(plain, contract)[0].value)]
    )


def test_what_is_no_table_is_told(tmp_path: Path, contract: Contract) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(b"no gzip")

    assert "cannot be read" in refusal(tmp_path / "rows.csv.gz", contract)
    assert "No such file" in refusal(tmp_path / "nothing.csv", contract)
