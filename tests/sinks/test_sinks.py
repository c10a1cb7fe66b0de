"""Sinks are found by their file name, and cost nothing until they are used."""

import os
import subprocess
import sys

import pytest

import anchorwatch.sinks
from anchorwatch.errors import ConfigError
from anchorwatch.sinks import Sinks, load, names


def test_sinks_are_found_by_their_file_name() -> None:
    assert names() == ["alertmanager", "log", "webhook"]
    assert load("webhook").__name__ == "Webhook"


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"webhok.*alertmanager, log, webhook"):
        load("webhok")


def test_a_sink_without_its_url_says_which() -> None:
    with pytest.raises(ConfigError, match=r"sinks\.pager\.url"):
        Sinks({"pager": {"kind": "webhook"}})


def test_asking_for_names_imports_no_http() -> None:
    """Every command that reads settings asks for them."""
    code = "import sys, anchorwatch.sinks as sinks; sinks.names(); sys.exit('aiohttp' in sys.modules or 'stamina' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False, timeout=60).returncode == 0


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="Sinks"):
        _ = anchorwatch.sinks.Snks


def test_all_public_names_are_there() -> None:
    assert all(getattr(anchorwatch.sinks, name) is not None for name in anchorwatch.sinks.__all__)
