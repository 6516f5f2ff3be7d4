"""rehearsal/seed: the first deploy, with the commands of the workflow of its environment."""

import re
from typing import Any

import pytest
import yaml

from rehearsal.paths import ROOT

SEED = (ROOT / "rehearsal" / "seed").read_text()
SEED_IMAGE = (ROOT / "rehearsal" / "seed-image").read_text()
WORKFLOWS = {"staging": "deploy-staging.yml", "production": "deploy-prod.yml"}
# A first deploy cannot be rolled back, and needs no check of time, findings or figures.
NOT_SEEDED = {
    *(
        "check-deploy-time",
        "check-configuration",
        "check-downgrade",
        "check-findings",
        "watch-deployment",
        "rollback",
    ),
    "report-outcome",
}


def commands(text: str) -> list[str]:
    return re.findall(r"(?<![\w/])scripts/([a-z-]+)", text)


def deploy_steps(environment: str) -> list[dict[str, Any]]:
    file = ROOT / ".github" / "workflows" / WORKFLOWS[environment]
    return list(yaml.safe_load(file.read_text())["jobs"]["deploy"]["steps"])


@pytest.mark.parametrize(
    ("environment", "seeded"),
    [
        ("staging", commands(SEED_IMAGE) + commands(SEED)[1:]),
        ("production", commands(SEED)),
    ],
)
def test_a_first_deploy_runs_the_commands_of_the_workflow_in_its_order(
    environment: str, seeded: list[str]
) -> None:
    runs = [name for step in deploy_steps(environment) for name in commands(step.get("run", ""))]
    assert seeded == [name for name in runs if name not in NOT_SEEDED]


@pytest.mark.parametrize("environment", WORKFLOWS)
def test_a_first_deploy_sets_the_variables_of_the_workflow(environment: str) -> None:
    (variables,) = [
        step["with"]["environment-variables"]
        for step in deploy_steps(environment)
        if "environment-variables" in step.get("with", {})
    ]
    assert re.findall(r'name: "(\w+)"', SEED) == re.findall(r"^(\w+)=", variables, re.M)
