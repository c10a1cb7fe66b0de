"""The shape of the tree: tests mirror the package, things fit in view, names say something, nothing is left to do later."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "app" / "anchorwatch"
TESTS = ROOT / "tests"

TOP = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "app", "tests", "docker", "schemas", "scripts"}
FUNCTION_LINES_MAX = 40
FILE_LINES_MAX = 400
STAGE_LINES_MAX = 300  # the heart is read most
FILE_BYTES_MAX = 400_000  # the locks are the largest; a data file is never committed
BANNED_WORDS = {"util", "utils", "common", "misc", "manager", "base"}
CONTRACT_FOLDERS = {"estimators", "watches", "sources", "sinks", "charts", "drill"}  # may hold one base.py: what each file there promises
UNDONE = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")))
PLACES = re.compile("|".join(("/wo" + "rk/", "/ro" + "ot/", "/ho" + r"me/\w")))  # where somebody worked; examples say /path/to

WITHOUT_OWN_TEST = {  # file: what covers it instead
    "__main__.py": "tests/test_package.py runs the console script and `python -m anchorwatch`",
    "estimators/checks.py": "it is a test itself, run by tests/estimators/test_contract.py",
    "sinks/checks.py": "it is a test itself, run by tests/sinks/test_contract.py",
    "sources/checks.py": "it is a test itself, run by tests/sources/test_contract.py",
    "watches/checks.py": "it is a test itself, run by tests/watches/test_contract.py",
}
WITHOUT_MIRROR = {"backends", "drills", "realdata", "golden"}  # folders of tests that run many parts together


class Sized(NamedTuple):
    where: str
    name: str
    lines: int


def tracked(*patterns: str) -> list[Path]:
    """What is or could be committed, as paths from the root; ignored files are not listed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    return [Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def texts(*patterns: str) -> Iterator[tuple[Path, str]]:
    for path in tracked(*patterns):
        raw = (ROOT / path).read_bytes()
        if b"\0" not in raw:
            yield path, raw.decode("utf-8")


def python_files() -> list[Path]:
    scripts = [path for path, text in texts("scripts") if text.startswith("#!") and "python" in text.partition("\n")[0]]
    return [*tracked("app/**/*.py", "tests/**/*.py", "scripts/**/*.py"), *scripts]


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


def needs_own_test(path: Path) -> bool:
    """Not what begins with an underscore (a neighbour covers it), nor a front door that only imports."""
    if str(path.relative_to(PACKAGE)) in WITHOUT_OWN_TEST:
        return False
    if path.name != "__init__.py":
        return not path.name.startswith("_")
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in ast.parse(path.read_text("utf-8")).body)


def own_tests(path: Path) -> list[Path]:
    """Where the test of one file of the package may stand: its mirror; for a front door inside or beside, by the folder's name."""
    folder = TESTS / path.parent.relative_to(PACKAGE)
    if path.name != "__init__.py":
        return [folder / f"test_{path.stem}.py"]
    return [folder / f"test_{path.parent.name}.py", folder.parent / f"test_{path.parent.name}.py"]


def test_the_top_level_holds_exactly_what_a_newcomer_expects() -> None:
    top = {path.parts[0] for path in tracked()}

    assert {name for name in top if not name.startswith(".")} == TOP


def test_each_file_of_the_package_has_its_own_test_file() -> None:
    missing = [
        str(own_tests(path)[0].relative_to(ROOT))
        for path in sorted(PACKAGE.rglob("*.py"))
        if needs_own_test(path) and not any(test.exists() for test in own_tests(path))
    ]

    assert not missing


def test_a_test_file_that_mirrors_no_file_says_what_it_is_for() -> None:
    """Such as tests/stages/test_crash.py: its docstring is the reason why it stands apart."""
    mirrors = {test for path in PACKAGE.rglob("*.py") for test in own_tests(path)}
    silent = [
        str(path)
        for path in tracked("tests/**/test_*.py")
        if ROOT / path not in mirrors and path.parts[1] not in WITHOUT_MIRROR and not ast.get_docstring(tree(path))
    ]

    assert not silent


def test_each_folder_of_the_package_has_a_front_door() -> None:
    """Without `__init__.py` a folder is a namespace, which import contracts and walks over the package pass by."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}

    assert not [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()]


def test_exceptions_from_the_mirror_are_still_needed() -> None:
    checks = {name for name in WITHOUT_OWN_TEST if name.endswith("checks.py")}

    assert not [name for name in WITHOUT_OWN_TEST.keys() - checks if not (PACKAGE / name).exists()]


def functions(path: Path) -> Iterator[Sized]:
    """From `def` to the last line, docstring and all: what must fit in view."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Sized(f"{path}:{node.lineno}", node.name, (node.end_lineno or node.lineno) - node.lineno + 1)


def test_each_function_fits_in_view() -> None:
    long = [f"{f.where} {f.name} {f.lines}" for path in python_files() for f in functions(path) if f.lines > FUNCTION_LINES_MAX]

    assert not long, f"more than {FUNCTION_LINES_MAX} lines: " + ", ".join(long)


def test_each_file_can_be_read_in_one_go() -> None:
    long = []
    for path in python_files():
        limit = STAGE_LINES_MAX if path.parts[:3] == ("app", "anchorwatch", "stages") else FILE_LINES_MAX
        lines = len((ROOT / path).read_text("utf-8").splitlines())
        if lines > limit:
            long.append(f"{path} {lines} > {limit}")

    assert not long, "make it a folder of the same name with the same front door: " + ", ".join(long)


def test_no_file_is_large() -> None:
    large = [f"{path} {(ROOT / path).stat().st_size:,} bytes" for path in tracked() if (ROOT / path).stat().st_size > FILE_BYTES_MAX]

    assert not large


def words(name: str) -> set[str]:
    """{'kafka', 'topic'} of kafka_topic and of KafkaTopic."""
    return {word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", part)}


@pytest.mark.parametrize("name", ["kafka_utils", "TopicManager", "base", "BaseSink", "common_names"])
def test_an_empty_word_is_found_in_a_name(name: str) -> None:
    assert words(name) & BANNED_WORDS


@pytest.mark.parametrize("name", ["baseline", "database", "management", "contextmanager", "commonest"])
def test_a_word_that_only_contains_one_is_fine(name: str) -> None:
    assert not words(name) & BANNED_WORDS


def named(path: Path) -> Iterator[str]:
    """The file, its folders, its classes and functions."""
    if not (path.name == "base.py" and path.parent.name in CONTRACT_FOLDERS):
        yield path.stem
    yield from path.parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def test_no_name_is_empty_of_meaning() -> None:
    empty = [f"{path}: {name}" for path in tracked("app/**/*.py") for name in named(path) if words(name) & BANNED_WORDS]

    assert not empty


def test_nothing_is_left_to_do_later() -> None:
    left = [f"{path}:{n}" for path, text in texts() for n, line in enumerate(text.splitlines(), 1) if UNDONE.search(line)]

    assert not left, "do it, or write it in CHANGELOG.md under known limits"


def test_no_file_names_the_machine_on_which_it_was_written() -> None:
    found = [f"{path}:{n}" for path, text in texts() for n, line in enumerate(text.splitlines(), 1) if PLACES.search(line)]

    assert not found


def sleeps_outside_loops(node: ast.AST, in_loop: bool = False) -> Iterator[int]:
    """Lines that wait for a fixed time. In a loop it is a poll, whose end is a condition or a deadline."""
    for child in ast.iter_child_nodes(node):
        is_sleep = isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute) and child.func.attr == "sleep"
        if is_sleep and not in_loop and not waits_for_nothing(child):
            yield child.lineno  # type: ignore[attr-defined]
        yield from sleeps_outside_loops(child, in_loop or isinstance(child, ast.While | ast.For | ast.AsyncFor))


def waits_for_nothing(call: ast.AST) -> bool:
    """`asyncio.sleep(0)` only lets others run."""
    return isinstance(call, ast.Call) and len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def test_a_test_never_waits_for_a_fixed_time() -> None:
    found = [f"{path}:{line}" for path in tracked("tests/**/*.py") for line in sleeps_outside_loops(tree(path))]

    assert not found, "poll with a deadline"


def test_the_names_of_tests_are_sentences() -> None:
    """At least three words: a reader of the list learns the behaviour."""
    short = [
        f"{path}:{node.lineno} {node.name}"
        for path in tracked("tests/**/test_*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3
    ]

    assert not short


def test_each_file_opens_with_the_question_it_answers() -> None:
    silent = [str(path) for path in tracked("app/**/*.py") if (ROOT / path).stat().st_size and not ast.get_docstring(tree(path))]

    assert not silent


def test_scripts_are_one_word_and_executable() -> None:
    scripts = [*tracked(":(glob)scripts/*"), Path(".ci/run")]  # folders below hold what a script is made of

    assert not [str(path) for path in scripts if len(path.parts) != 2 or not re.fullmatch("[a-z]+", path.name)]
    assert not [str(path) for path in scripts if not (ROOT / path).stat().st_mode & 0o111]


def test_scripts_say_what_they_are_for() -> None:
    """The first line below `#!`, as a comment or a docstring."""
    heads = {path: text.splitlines()[1] for path, text in texts(":(glob)scripts/*", ".ci")}

    assert not [str(path) for path, line in heads.items() if not re.match(r'(# |""")\S', line)]
