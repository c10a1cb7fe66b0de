"""The demo's installation: what of it needs no broker. tests/cli/test_demo.py builds all of it."""

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorwatch.config import load
from anchorwatch.errors import OperatorError
from anchorwatch.runtime.demo.house import SETTINGS, House, free_port, last_lines, ready, write_quiet_time
from anchorwatch.runtime.demo.loans import Frozen

NOW = 1_800_000_000_000


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = House(lambda _: None, "http://127.0.0.1:4318")
    yield made
    made.__exit__()


def test_the_settings_can_be_loaded_and_are_those_of_a_short_evening(tmp_path: Path) -> None:
    file = tmp_path / "anchorwatch.yaml"
    file.write_text(SETTINGS.format(bootstrap="127.0.0.1:9092", port=6066), "utf-8")
    settings = load(file, {})

    assert (settings.window, settings.lateness, settings.topics.partitions) == (1_000, 500, 4)


def test_rows_of_the_quiet_time_lie_in_the_past_and_have_their_outcomes(tmp_path: Path, frozen: Frozen) -> None:
    file = tmp_path / "rows.csv"
    write_quiet_time(file, frozen, 200, 600.0, 11, NOW)
    with file.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))

    assert len(rows) == 200
    assert all(int(row["predicted_at_ms"]) < int(row["known_at_ms"]) < NOW for row in rows)
    assert {"region", "channel", "elevel", "score", "latency_ms"} <= rows[0].keys()


def test_variables_that_lead_to_another_installation_do_not_reach_the_demo(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """`topics create` in production, because a variable was set: never."""
    monkeypatch.setenv("ANCHORWATCH__KAFKA__BOOTSTRAP_SERVERS", "production:9092")
    monkeypatch.setenv("ANCHORWATCH_SETTINGS", "production.yaml")
    mine = house._environment()

    assert not [name for name in mine if name.startswith("ANCHORWATCH_")]
    assert mine["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "http://127.0.0.1:4318/v1/traces"


def test_a_command_that_fails_is_told_with_its_own_words(house: House) -> None:
    with pytest.raises(OperatorError, match=r"`anchorwatch contract check .*nowhere.yaml` left with 2"):
        house._command("contract", "check", "nowhere.yaml")


def test_nobody_listens_is_not_ready() -> None:
    assert not ready(free_port())


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    assert last_lines(log) == "(nothing)"
    log.write_text("\n".join(map(str, range(50))), "utf-8")

    assert last_lines(log, 3) == "47\n48\n49"


def test_the_folder_goes_with_the_house(house: House) -> None:
    house.__exit__()

    assert not house.folder.exists()
