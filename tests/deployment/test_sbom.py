"""The bill of materials names all that the lock names, the same for the same lock."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Written twice."""
    folder = tmp_path_factory.mktemp("sbom")
    for n in (1, 2):
        subprocess.run([sys.executable, ROOT / "scripts" / "sbom", folder / f"{n}.json"], check=True, capture_output=True, timeout=60)
    return [json.loads((folder / f"{n}.json").read_text("utf-8")) for n in (1, 2)]


def test_it_is_the_same_for_the_same_lock(found: list[dict[str, Any]]) -> None:
    assert found[0] == found[1]


def test_every_locked_package_stands_in_it_with_its_files(found: list[dict[str, Any]]) -> None:
    lock = (ROOT / "docker" / "requirements.txt").read_text("utf-8")
    named = {f"{name}=={version}" for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)}
    hashes = [one["content"] for component in found[0]["components"] for one in component["externalReferences"][0]["hashes"]]

    assert {f"{component['name']}=={component['version']}" for component in found[0]["components"]} == named
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", lock))


def test_what_we_ask_for_and_what_that_asks_for_is_told(found: list[dict[str, Any]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {one["ref"]: one["dependsOn"] for one in found[0]["dependencies"]}
    refs = {component["bom-ref"] for component in found[0]["components"]}

    direct = {ref.partition("@")[0] for ref in asked[f"pkg:pypi/anchorwatch@{project['version']}"]}

    assert len(direct) == len(project["dependencies"])
    assert set(asked) == refs | {f"pkg:pypi/anchorwatch@{project['version']}"}
    assert all(set(needed) <= refs for needed in asked.values())
    assert any(
        ref.startswith("pkg:pypi/aiohttp@") for ref in asked[next(ref for ref in refs if ref.startswith("pkg:pypi/faust-streaming@"))]
    )
