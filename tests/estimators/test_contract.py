"""Every detector of the folder, found by walking, keeps every promise of checks.py; what else keeps state does too; examples run."""

import copy
import doctest
import importlib
import math
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import anchorwatch.estimators
from anchorwatch.errors import ContractError
from anchorwatch.estimators.base import Detector, catalogue, load
from anchorwatch.estimators.checks import CHECKS
from anchorwatch.estimators.confusion import ConfusionMetrics, RegressionMetrics
from anchorwatch.estimators.heavy_hitters import HeavyHitters

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


class Kept(NamedTuple):
    """What keeps state and is no detector: how it is made, and fed with the i-th of many batches."""

    make: Callable[[], Any]
    feed: Callable[[Any, int], None]
    bytes_max: int  # of its snapshot after any stream
    bad: Callable[[Any], None] | None = None  # feeds what must be refused


def _regression(bad: float, kept: Any) -> None:
    kept.add(5, 1.0, bad, 3.0, 4.0)


KEPT = {
    "confusion": Kept(
        lambda: ConfusionMetrics(["no", "yes"], "yes"),
        lambda kept, i: kept.add(np.random.default_rng(i).integers(0, 9, (2, 2))),
        32,
        lambda kept: kept.add([[-(10**9), 0], [0, 0]]),
    ),
    "regression": Kept(
        RegressionMetrics,
        lambda kept, i: kept.add(i + 1, *np.random.default_rng(i).random(4).tolist()),
        40,
        lambda kept: _regression(math.nan, kept),
    ),
    "regression, infinity": Kept(
        RegressionMetrics, lambda kept, i: kept.add(3, 1.0, 2.0, i, 1.0), 40, lambda kept: _regression(math.inf, kept)
    ),
    "heavy hitters": Kept(
        lambda: HeavyHitters(20),
        lambda kept, i: kept.add(np.random.default_rng(i).zipf(1.5, 50).tolist()),
        20 * 2 * 8 + 100,
    ),
}


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, dict):
        return sum(len(k) + _size(v) for k, v in value.items())
    return sum(_size(v) for v in value) if isinstance(value, list) else 8


@pytest.mark.parametrize("name", sorted(KEPT))
def test_whatever_keeps_state_restores_to_the_same_future_and_stays_small(name: str) -> None:
    kept, twin = KEPT[name].make(), KEPT[name].make()
    for i in range(200):
        KEPT[name].feed(kept, i)
    assert _size(kept.snapshot()) <= KEPT[name].bytes_max

    twin.restore(copy.deepcopy(kept.snapshot()))
    for i in range(200, 230):
        KEPT[name].feed(kept, i)
        KEPT[name].feed(twin, i)
    assert repr(twin.snapshot()) == repr(kept.snapshot())


@pytest.mark.parametrize("name", sorted(name for name, kept in KEPT.items() if kept.bad))
def test_whatever_keeps_state_is_unchanged_by_what_it_refuses(name: str) -> None:
    kept, bad = KEPT[name].make(), KEPT[name].bad
    KEPT[name].feed(kept, 1)
    before = repr(kept.snapshot())
    assert bad is not None
    with pytest.raises(ValueError, match=r"finite|below 0"):
        bad(kept)

    assert repr(kept.snapshot()) == before


@pytest.mark.parametrize("name", [n for n in FILES if n not in ("base", "checks")])
def test_everything_public_says_what_it_is_and_a_class_what_it_costs_and_where_it_is_from(name: str) -> None:
    """Classes with state of their own; records (NamedTuple) say what their fields are."""
    module = importlib.import_module(f"anchorwatch.estimators.{name}")
    public = [thing for n, thing in vars(module).items() if not n.startswith("_") and getattr(thing, "__module__", "") == module.__name__]
    silent = [thing.__name__ for thing in public if callable(thing) and not thing.__doc__ and not hasattr(thing, "_fields")]
    classes = [thing for thing in public if isinstance(thing, type) and not hasattr(thing, "_fields")]

    assert not silent
    assert not [c.__name__ for c in classes if "Cost:" not in (c.__doc__ or "")]
