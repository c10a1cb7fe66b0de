"""What a real Prometheus makes of the rules and of each question of the dashboard."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.backends.programs import PROMETHEUS as PROGRAM
from tests.backends.programs import Running, running

pytestmark = pytest.mark.backends
DOCKER = Path(__file__).parents[2] / "docker"
RULES = DOCKER / "prometheus" / "anchorwatch.rules.yml"
VARIABLES = {"$__rate_interval": "1m", "$environment": ".*", "$model": ".*", "$segment": "whole"}


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Running]:
    with running(replace(PROGRAM, config=f"{PROGRAM.config}\nrule_files: [{RULES}]\n")) as started:
        yield started


def test_every_rule_is_loaded(prometheus: Running) -> None:
    wanted = [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    (group,) = prometheus.get("/api/v1/rules")["data"]["groups"]

    assert [rule["name"] for rule in group["rules"]] == wanted
    assert {rule["lastError"] for rule in group["rules"] if "lastError" in rule} <= {""}


def test_every_question_of_the_dashboard_is_understood(prometheus: Running) -> None:
    asked = [
        target["expr"]
        for panel in json.loads((DOCKER / "grafana" / "anchorwatch.json").read_text())["panels"]
        for target in panel.get("targets", ())
    ]
    for expression in asked:
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)  # noqa: PLW2901 (what Grafana does)

        assert prometheus.get("/api/v1/query", query=expression)["status"] == "success"
