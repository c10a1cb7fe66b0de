"""Every detector of the folder, found by walking, keeps every promise of checks.py; every docstring example runs."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import anchorwatch.estimators
from anchorwatch.errors import ContractError
from anchorwatch.estimators.base import Detector, catalogue, load
from anchorwatch.estimators.checks import CHECKS

FILES = [m.name for m in pkgutil.iter_modules(anchorwatch.estimators.__path__)]


@pytest.mark.parametrize("name", sorted(catalogue()))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_every_detector_keeps_every_promise(name: str, check: Callable[[type[Detector]], None]) -> None:
    check(load(name))


@pytest.mark.parametrize("name", FILES)
def test_the_examples_of_a_file_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"anchorwatch.estimators.{name}"))

    assert result.failed == 0


def test_the_folder_offers_what_the_design_names() -> None:
    assert {"adwin", "page_hinkley", "hddm_a", "e_detector", "rank_shift", "self_starting"} <= set(catalogue())


def test_a_name_that_is_no_detector_names_those_that_are() -> None:
    for name in ("adwinn", "tables", "../errors"):
        with pytest.raises(ContractError, match="write one of adwin, e_detector, hddm_a, page_hinkley, rank_shift, self_starting"):
            load(name)


def test_loading_one_detector_imports_no_other() -> None:
    root = str(Path(anchorwatch.estimators.__path__[0]).parents[1])
    code = "import sys; from anchorwatch.estimators.base import load; load('adwin'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": root}).stdout

    assert "anchorwatch.estimators.adwin" in loaded
    assert "anchorwatch.estimators.hddm_a" not in loaded
