"""YAML as written: no guesses, no bombs, every scalar with its line."""

import pytest

from anchorwatch.contract.reading import BYTES_MAX, Places, printable, read, shown_path
from anchorwatch.contract.values import Plain


def problems(text: str) -> list[str]:
    return read(text, "f.yaml")[2]


def test_scalars_stay_as_written_and_know_whether_they_were_quoted() -> None:
    tree, _, found = read("a: no\nb: 'no'\nc: [0x1F, 12:30, !!str true]\nd: |\n  two\n  lines\n", "f.yaml")

    assert found == []
    assert tree == {"a": "no", "b": "no", "c": ["0x1F", "12:30", "true"], "d": "two\nlines\n"}
    assert [isinstance(value, Plain) for value in (tree["a"], tree["b"], *tree["c"])] == [True, False, True, True, False]


def test_every_path_has_its_line_or_that_of_the_nearest_part_above() -> None:
    _, places, _ = read("a:\n  b:\n    - x\n    - y\nc: 1\n", "f.yaml")

    assert places.where(("a", "b", 1)) == "f.yaml:4"
    assert places.where(("a", "b", 1, "deeper")) == "f.yaml:4"
    assert places.where(("a", "gone")) == "f.yaml:1"
    assert places.rank(("a", "b")) < places.rank(("c",))
    assert Places("elsewhere").where(("a",)) == "elsewhere"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "a: written twice, first at line 1; keep one (f.yaml:3)"),
        ("a:\n  on: 1\n  on: 2\n", "a.on: written twice, first at line 2; keep one (f.yaml:3)"),
        ("null: 1\n", 'null: means "nothing" in YAML as a key; quote it: "null" (f.yaml:1)'),
        (
            "a: !!python/object:os.system x\n",
            "tag tag:yaml.org,2002:python/object:os.system: tags are not read; write the value alone (f.yaml:1)",
        ),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "c.<<: merge keys are not read; repeat the values (f.yaml:3)".replace("c.<<", 'c."<<"')),
        ("a: *x\n", "*x: no finished value has this name; write the value out (f.yaml:1)"),
        ("a: &x [*x]\n", "*x: no finished value has this name; write the value out (f.yaml:1)"),
        ("[a, b]: 1\n", "this file: a key must be text, not a list or mapping (f.yaml:1)"),
        ("a: 1\n---\nb: 1\n", "holds a second document; one a file (f.yaml:2)"),
        ("", "is empty (f.yaml)"),
        ("# only this\n", "is empty (f.yaml)"),
        ("a: 1\n\tb: 2\n", "is not YAML: found character '\\t' that cannot start any token; indent with spaces (f.yaml:2)"),
        ("a: b: c\n", "is not YAML: mapping values are not allowed here (f.yaml:1)"),
        ('a: "\\U0FFFFFFF"\n', "is not YAML: chr() arg not in range(0x110000) (f.yaml)"),
        ("a: \x01\n", "is not YAML: special characters are not allowed (f.yaml)"),
    ],
)
def test_what_cannot_be_meant_is_a_problem_with_its_line(text: str, problem: str) -> None:
    assert problems(text) == [problem]


def test_a_key_written_twice_keeps_its_first_value_and_what_follows_is_still_read() -> None:
    tree, _, _ = read("a: 1\na: {b: [1, 2]}\nc: 3\n", "f.yaml")

    assert tree == {"a": "1", "c": "3"}


def test_an_alias_stands_for_its_value() -> None:
    tree, _, found = read("a: &x [1, 2]\nb: *x\nc: {d: *x}\n", "f.yaml")

    assert found == []
    assert tree["b"] == tree["c"]["d"] == ["1", "2"]


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    """Nine lists of nine aliases each: 3e9 values."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))

    assert problems(bomb) == ["stands for more than 20,000 values; aliases (*name) count in full: write less (f.yaml:5)"]


def test_depth_and_size_are_bounded() -> None:
    assert problems("[" * 5_000) == ["is nested more than 20 levels deep (f.yaml:1)"]
    assert problems("a: " + "x" * BYTES_MAX) == ["has more than 256 kB; split it (f.yaml)"]


def test_paths_and_values_are_shown_in_one_plain_line() -> None:
    assert shown_path(("owner", "escalation", 0, "to")) == "owner.escalation[0].to"
    assert shown_path(("features", "x y\n")) == 'features."x y\\n"'
    assert shown_path(()) == "this file"
    assert printable("a\x1b[31m\ud800") == "a\\x1b[31m\\ud800"
    assert printable("x" * 100) == "x" * 79 + "…"
