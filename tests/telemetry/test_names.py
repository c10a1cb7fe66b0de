"""telemetry/names.py: one list, and what the stages say is in it."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import anchorwatch
from anchorwatch.telemetry import names
from anchorwatch.telemetry.names import ATTRIBUTES, BY_NAME, INSTRUMENTS, PROMETHEUS, WORDS, Instrument

PACKAGE = Path(anchorwatch.__file__).parent


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda one: one.name)
def test_every_instrument_says_what_it_is(instrument: Instrument) -> None:
    assert re.fullmatch(r"anchorwatch(\.[a-z][a-z_]*)+", instrument.name)
    assert instrument.meaning
    assert set(instrument.labels) <= set(WORDS)
    assert instrument.unit == "s" if instrument.kind == "histogram" else instrument.unit in ("", "s") or instrument.unit.startswith("{")


def test_no_name_occurs_twice_and_none_is_a_namespace_too() -> None:
    for group in (
        [one.name for one in INSTRUMENTS],
        [one.otlp for one in ATTRIBUTES],
        [one.word for one in ATTRIBUTES],
        PROMETHEUS.values(),
    ):
        assert max(Counter(group).values()) == 1
    metrics = [one.name for one in INSTRUMENTS]
    attributes = [
        value for name, value in vars(names).items() if name.isupper() and isinstance(value, str) and value.startswith("anchorwatch.")
    ]
    for listed in (metrics, [*WORDS.values(), *attributes]):
        assert [(one, other) for one in listed for other in listed if other.startswith(f"{one}.")] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anchorwatch.predictions", "anchorwatch_predictions_total"),
        ("anchorwatch.inputs.faults", "anchorwatch_inputs_faults_total"),
        ("anchorwatch.end_to_end", "anchorwatch_end_to_end_seconds"),
        ("anchorwatch.outcome.delay", "anchorwatch_outcome_delay_seconds"),
        ("anchorwatch.quality", "anchorwatch_quality"),
        ("anchorwatch.silence", "anchorwatch_silence_seconds"),
        ("anchorwatch.evidence.days", "anchorwatch_evidence_days"),
        ("anchorwatch.segments.folded", "anchorwatch_segments_folded"),
    ],
)
def test_prometheus_names_are_those_that_were_promised(name: str, expected: str) -> None:
    assert PROMETHEUS[name] == expected


def counted() -> Iterator[tuple[str, int, str, set[str]]]:
    """(file, line, instrument, labels) of each `something.count("anchorwatch...", n, label=...)` of the package."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "count" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.startswith("anchorwatch."):
                    yield path.name, node.lineno, first.value, {word.arg for word in node.keywords if word.arg and word.arg != "n"}


def test_what_the_stages_count_is_in_the_list_with_its_labels() -> None:
    strange = [
        f"{file}:{line} {name} {labels}"
        for file, line, name, labels in counted()
        if name not in BY_NAME or not labels <= set(BY_NAME[name].labels)
    ]

    assert strange == []
