"""What is released: the locks fit the project; the wheel builds, installs into an empty environment with locked requirements, and runs."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"
PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)(?: ;[^\\]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def locked(name: str) -> dict[str, set[str]]:
    """Versions of each package in a lock; one for each platform at most."""
    found: dict[str, set[str]] = {}
    for package, version, _ in PINNED.findall((DOCKER / name).read_text("utf-8")):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def unfit(wanted: list[str], lock: str) -> list[str]:
    """Requirements that a lock does not hold, or in a version that they refuse."""
    versions = locked(lock)
    requirements = [Requirement(line) for line in wanted]
    return [
        str(r)
        for r in requirements
        if not any(r.specifier.contains(v, prereleases=True) for v in versions.get(canonicalize_name(r.name), ()))
    ]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-build.txt"])
def test_every_locked_package_has_hashes(name: str) -> None:
    lines = [line for line in (DOCKER / name).read_text("utf-8").splitlines() if line and not line.startswith((" ", "#"))]

    assert len(lines) == len(PINNED.findall((DOCKER / name).read_text("utf-8")))


def test_the_locks_fit_the_project() -> None:
    """`scripts/lock` was run after the last change of the dependencies."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert not unfit(tables["project"]["dependencies"], "requirements.txt")
    assert not unfit(tables["dependency-groups"]["dev"], "requirements-dev.txt")
    assert not unfit(tables["build-system"]["requires"], "requirements-build.txt")


def test_developers_run_what_users_run() -> None:
    """The development lock holds the other two, version for version."""
    development = locked("requirements-dev.txt")

    for name in ("requirements.txt", "requirements-build.txt"):
        assert not {package for package, versions in locked(name).items() if development.get(package) != versions}


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Output of a command; its own words if it failed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ANCHORWATCH"))}
    result = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert result.returncode == 0, f"{command}: exit {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel, the wheel made from the sdist, the sdist from what can be committed."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, cwd=source)
    return out


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment that holds the locked requirements and the wheel, and nothing else; not even pip."""
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False, timeout=30).returncode:
        pytest.skip("this environment has no pip (its Python came without ensurepip), so nothing can be installed")
    place = tmp_path_factory.mktemp("empty")
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    quiet = ("install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps")
    into = [*pip, "--python", str(place / "venv" / "bin" / "python"), *quiet]
    run(*into, "--no-compile", "--require-hashes", "-r", DOCKER / "requirements.txt", cwd=place)
    run(*into, "--no-index", next(built.glob("*.whl")), cwd=place)
    yield place / "venv" / "bin"
    shutil.rmtree(place)  # half a gigabyte


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    names = set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())
    files = {str(path.relative_to(ROOT / "app")) for path in (ROOT / "app" / "anchorwatch").rglob("*") if path.is_file()}

    assert {name for name in names if ".dist-info/" not in name} == {name for name in files if "__pycache__" not in name}
    assert {"anchorwatch/py.typed", "anchorwatch/broker/kafka.lock"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_source_distribution_holds_what_it_is_built_from(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "app/anchorwatch/py.typed"} <= names


@pytest.mark.slow
def test_the_installed_command_runs(installed: Path, tmp_path: Path) -> None:
    version = run(installed / "anchorwatch", "--version", cwd=tmp_path)
    help_text = run(installed / "anchorwatch", "--help", cwd=tmp_path)

    assert version.strip() == tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert "monitoring" in help_text


@pytest.mark.slow
def test_each_module_imports_with_the_locked_requirements_alone(installed: Path, tmp_path: Path) -> None:
    """Nothing that only developers have is needed, and the installed package is what answers."""
    code = """
import importlib, pkgutil, sys
import anchorwatch
assert sys.prefix in anchorwatch.__file__, anchorwatch.__file__
for module in pkgutil.walk_packages(anchorwatch.__path__, "anchorwatch."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        print(module.name)
"""
    imported = run(installed / "python", "-c", code, cwd=tmp_path).split()

    assert "anchorwatch.cli" in imported


@pytest.mark.slow
def test_the_locked_requirements_fit_each_other(installed: Path, tmp_path: Path) -> None:
    said = run(sys.executable, "-m", "pip", "--python", installed / "python", "check", "--disable-pip-version-check", cwd=tmp_path)

    assert "No broken requirements" in said
