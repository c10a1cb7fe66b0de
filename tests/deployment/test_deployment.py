"""What docker/ holds fits the product: settings load, mounts exist, probes are answered, names of metrics are those that are served.

No container is built or started here; the backends test asks a real Prometheus what it makes of rules and dashboard.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from anchorwatch.cli import names
from anchorwatch.config import NEEDED_BY_RUN, Settings, load, load_contracts
from anchorwatch.telemetry.names import INSTRUMENTS, PROMETHEUS

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
KUBERNETES = sorted((DOCKER / "kubernetes").glob("*.yaml"))
STAGES = ("ingest", "judge")
FAMILY = re.compile(r"\banchorwatch_\w+")


def manifests(kind: str) -> dict[str, Any]:
    """name -> object of that kind."""
    found = (each for file in KUBERNETES for each in yaml.safe_load_all(file.read_text("utf-8")))
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    return found


def expressions() -> Iterator[str]:
    """All PromQL of rules and dashboard."""
    for group in yaml.safe_load((DOCKER / "prometheus" / "anchorwatch.rules.yml").read_text("utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads((DOCKER / "grafana" / "anchorwatch.json").read_text("utf-8"))["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


# dashboards and rules


def test_dashboard_and_rules_are_what_the_list_of_instruments_gives() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "dashboards", "--check"], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_instrument_is_on_the_dashboard_and_nothing_is_asked_for_that_is_not_served() -> None:
    asked = {name for expression in expressions() for name in FAMILY.findall(expression)}
    served = {PROMETHEUS[one.name] + ("_bucket" if one.kind == "histogram" else "") for one in INSTRUMENTS}

    assert asked == served


# compose


def test_the_compose_file_mounts_what_is_there_and_pins_each_image() -> None:
    for name, service in compose()["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in compose()["volumes"] or (DOCKER / source).exists(), (name, volume)
        assert re.search(r":v?\d+\.\d+", service["image"]), name
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ())), f"{name} is reached from this machine alone"


@pytest.mark.parametrize("name", ["topics", "run"])
def test_our_containers_write_nowhere_and_run_commands_that_exist(name: str) -> None:
    service = compose()["services"][name]

    assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    assert service["command"][0] in names()


def test_settings_and_contract_of_the_compose_file_are_taken() -> None:
    settings = load(DOCKER / "anchorwatch.yaml", {}, needs=NEEDED_BY_RUN)

    assert [contract.key for contract, _ in load_contracts(settings.contracts)] == ["prod/fraud"]


def test_the_compose_file_turns_a_hook_on_by_a_variable_and_leaves_it_off_without() -> None:
    variable, value = next(pair for pair in compose()["services"]["run"]["environment"].items() if "HOOKS" in pair[0])

    assert value == "${ANCHORWATCH_HOOK_SECRET:-}"
    for secret, on in (("", []), ("kestrel over the bay", ["generic"])):
        assert list(load(DOCKER / "anchorwatch.yaml", {variable: secret}, needs=NEEDED_BY_RUN).hooks) == on


# the image


def test_the_image_runs_as_a_user_without_rights_and_looks_after_itself() -> None:
    lines = (DOCKER / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    said: dict[str, list[str]] = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        said.setdefault(word, []).append(rest)

    assert said["USER"] == ["10001:10001"]
    assert len(said["FROM"]) == 2
    assert said["HEALTHCHECK"][0].endswith('CMD ["anchorwatch", "status", "--quiet"]')
    for copied in said["COPY"]:
        if not copied.startswith("--from"):
            assert all((ROOT / source).exists() for source in copied.split()[:-1]), copied


def test_what_the_image_copies_is_not_ignored() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = {"app", "docker/requirements.txt", "docker/requirements-build.txt", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}

    assert {line[1:] for line in ignored if line.startswith("!")} == copied


# Kubernetes


def container(stage: str) -> dict[str, Any]:
    found: dict[str, Any] = manifests("StatefulSet")[stage]["spec"]["template"]["spec"]["containers"][0]
    return found


def settings_of(stage: str, folder: Path) -> Settings:
    """As the pod would read them."""
    variables = {each["name"]: each.get("value", f"{stage}-0 kept") for each in container(stage)["env"]}
    variables["ANCHORWATCH__INSTANCE"] = f"{stage}-0"
    path = folder / "anchorwatch.yaml"
    path.write_text(manifests("ConfigMap")["anchorwatch"]["data"]["anchorwatch.yaml"])
    return load(path, variables, needs=NEEDED_BY_RUN)


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_is_a_stateful_set_whose_pods_keep_their_names(stage: str, tmp_path: Path) -> None:
    settings, spec = settings_of(stage, tmp_path), manifests("StatefulSet")[stage]["spec"]

    assert settings.instance == f"{stage}-0"
    assert settings.kafka["sasl.username"] == stage
    assert container(stage)["args"] == ["run", "--stage", stage]
    assert spec["serviceName"] in manifests("Service")
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == manifests("Service")[stage]["spec"]["selector"]
    assert manifests("PodDisruptionBudget")[stage]["spec"]["selector"]["matchLabels"] == spec["selector"]["matchLabels"]


@pytest.mark.parametrize("stage", STAGES)
def test_pods_have_no_rights_and_write_to_nothing_but_tmp(stage: str) -> None:
    pod, of = manifests("StatefulSet")[stage]["spec"]["template"]["spec"], container(stage)["securityContext"]
    mounted = {mount["mountPath"] for mount in container(stage)["volumeMounts"] if not mount.get("readOnly")}

    assert (pod["securityContext"]["runAsUser"], pod["automountServiceAccountToken"]) == (10001, False)
    assert (of["readOnlyRootFilesystem"], of["allowPrivilegeEscalation"], of["capabilities"]) == (True, False, {"drop": ["ALL"]})
    assert mounted == {"/tmp"}
    assert {mount["name"] for mount in container(stage)["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("stage", STAGES)
def test_probes_ask_what_the_supervisor_answers(stage: str, tmp_path: Path) -> None:
    routes = (ROOT / "app" / "anchorwatch" / "runtime" / "health.py").read_text("utf-8")
    paths = {probe: container(stage)[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness", "liveness")}

    assert paths == {"startup": "/livez", "readiness": "/readyz", "liveness": "/livez"}
    assert all(f'web.get("{path}"' in routes for path in paths.values())
    assert container(stage)["ports"][0]["containerPort"] == settings_of(stage, tmp_path).run.port


def test_hooks_reach_judge_whose_secret_may_be_missing(tmp_path: Path) -> None:
    """And ingest takes none."""
    service = manifests("Service")["hooks"]["spec"]
    [secret] = [each["valueFrom"]["secretKeyRef"] for each in container("judge")["env"] if "HOOKS" in each["name"]]

    assert service["selector"] == manifests("StatefulSet")["judge"]["spec"]["selector"]["matchLabels"]
    assert service["ports"][0]["targetPort"] == container("judge")["ports"][0]["name"]
    assert secret == {"name": "anchorwatch-hooks", "key": "generic", "optional": True}
    assert {stage: list(settings_of(stage, tmp_path).hooks) for stage in STAGES} == {"ingest": [], "judge": ["generic"]}


def test_what_is_applied_is_all_that_is_there() -> None:
    listed = yaml.safe_load((DOCKER / "kubernetes" / "kustomization.yaml").read_text("utf-8"))["resources"]

    assert sorted(listed) == sorted(file.name for file in KUBERNETES if file.name != "kustomization.yaml")
