import json
import random
from pathlib import Path

import pytest
from tests.runtime.installation import CONTRACT

from anchorwatch.config import load
from anchorwatch.contract import Contract, parse, to_json
from anchorwatch.errors import ConfigError, ContractError
from anchorwatch.events import Applied
from anchorwatch.runtime import apply

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092"})
NOW = 1_795_341_180_000


def contract(text: str = CONTRACT) -> Contract:
    return parse(text, "fraud.yaml")


def rows(tmp_path: Path, n: int, labelled: bool = True) -> Path:
    """Every 0.3 s, each tenth label wrong."""
    chance, lines = random.Random(1), ["prediction_id,predicted_at_ms,prediction,score,latency_ms,label,known_at_ms,amount"]
    for i in range(n):
        answer, at = chance.choice(["block", "pass"]), NOW + 300 * i
        label = (answer if i % 10 else {"block": "pass", "pass": "block"}[answer]) if labelled else ""
        lines.append(f"q{i},{at},{answer},{0.9 if answer == 'block' else 0.1},{20 + i % 10},{label},{at + 500},{chance.gauss(50, 9):.2f}")
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(lines))
    return file


def learnt(found: Contract, reference: dict[str, object] | None) -> apply.Learnt:
    return apply.Learnt(
        Applied(contract=to_json(found), actor="ann", at_ms=NOW, effective_from_ms=NOW, reference=reference), found, "from x"
    )


def test_what_was_learnt_is_told_line_by_line(tmp_path: Path) -> None:
    told = apply.told(learnt(contract(), apply.from_file(contract(), rows(tmp_path, 2_000))))

    assert told[0] == "fraud prod   2,000 predictions, 2,000 with a label, from x"
    assert any(line.startswith("  line      quality:error") and "usually 0.1" in line for line in told)


def test_without_a_label_quality_is_still_learning(tmp_path: Path) -> None:
    assert apply.told(learnt(contract(), apply.from_file(contract(), rows(tmp_path, 500, labelled=False))))[-1].startswith(
        "  learning  quality"
    )


def test_without_siblings_in_the_reference_their_share_waits(tmp_path: Path) -> None:
    named = contract(f"{CONTRACT}promises: {{alive: {{siblings: [paid]}}}}\n")

    [line] = [each for each in apply.told(learnt(named, apply.from_file(named, rows(tmp_path, 500)))) if "siblings" in each]

    assert line.startswith("  waiting   alive: its share among its siblings waits: the reference holds 0 of their events, 300 are needed")


def test_too_few_rows_are_an_error_when_a_file_was_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="299 predictions are too few"):
        apply.from_file(contract(), rows(tmp_path, 299))


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("promises: {latency: {inference_p99: 80ms}}", True),
        ("budget: {weight: 2}", True),
        ("segments: {by: [country]}", False),
        ("promises: {alive: {siblings: [paid]}}", False),
        ("reference: {last: 7d}", False),
    ],
)
def test_a_reference_is_kept_unless_what_is_counted_changes(change: str, kept: bool) -> None:
    before = Applied(contract=to_json(contract()), actor="ann", at_ms=NOW, effective_from_ms=NOW)

    assert apply.keeps_reference(contract(f"{CONTRACT}{change}\n"), before) is kept


def test_a_contract_begins_now_or_at_a_time_that_is_clear() -> None:
    assert apply.effective("now", contract(), NOW) == NOW
    assert apply.effective("2026-09-01T00:00:00Z", contract(), NOW) == 1_788_220_800_000
    with pytest.raises(ConfigError, match="--effective-from tomorrow"):
        apply.effective("tomorrow", contract(), NOW)


def test_a_reference_that_kafka_would_not_take_is_refused_before() -> None:
    with pytest.raises(ConfigError, match="declare fewer segments"):
        apply.record(SETTINGS, learnt(contract(), {"counts": "x" * 1_000_000}).applied)


def test_what_clumps_is_a_warning() -> None:
    found = apply.clumping_told({"quality:error/whole": (1.2, 55.0), "inputs:a/whole": (1.4,)}, {"quality:error/whole": 1.31})

    assert [line.split()[0] for line in found] == ["clumping", "growth"]
    assert "phi 55" in found[0]


def test_programs_are_told_the_same(tmp_path: Path) -> None:
    told = apply.as_json(learnt(contract(), apply.from_file(contract(), rows(tmp_path, 500))))

    assert json.loads(json.dumps(told))["rows"] == 500
    assert (told["learning"], told["model"]) == (False, "fraud")
