"""deploy-staging.yml and deploy-prod.yml."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from delivery.paths import WORKFLOWS

# How both are written alike: the environment, the names of its keys, the version, the commit.
ALIKE = {
    "production": "staging",
    "_PROD": "",
    "${{ inputs.version || github.ref_name }}": "${{ github.sha }}",
    "${{ env.VERSION }}": "${{ github.sha }}",
    "${{ needs.check.outputs.commit }}": "${{ github.sha }}",
    '"$VERSION"': '"$GITHUB_SHA"',
    '"$COMMIT"': '"$GITHUB_SHA"',
    " && github.event_name == 'push'": "",  # a redeploy by hand skips the step
}
# Staging builds the image; production copies it, at an hour that suits.
STAGING_ONLY = ["Find image", "Set up Docker Buildx", "Build, tag, and push image to ECR"]
PRODUCTION_ONLY = ["Check day and hour", "Check image findings", "Promote image"]
# The variables of a step that only production needs, or that have another value there.
OTHER_VARIABLES = {
    "Check configuration": {"STAGING"},
    "Verify deployment": {"COMMIT"},
    "Watch deployment": {"MINUTES"},
}
# Production waits for `check` and for an approval, and its release waits for the deploy. Staging
# builds, on a runner of the environments' kind of processor.
OTHER_KEYS = {"needs", "runs-on", "if", "concurrency", "outputs", "steps"}


def deploy_job(name: str) -> dict[str, Any]:
    text = (WORKFLOWS / name).read_text()
    for ours, common in ALIKE.items():
        text = text.replace(ours, common)
    job = yaml.safe_load(text)["jobs"]["deploy"]
    assert isinstance(job, dict)
    return job


def common_steps(name: str) -> list[dict[str, Any]]:
    steps = []
    for step in deploy_job(name)["steps"]:
        title = step.get("name", "")  # the checkout has none: only staging needs the history
        if title and title not in [*STAGING_ONLY, *PRODUCTION_ONLY]:
            others = OTHER_VARIABLES.get(title, set())
            environment = {
                key: step["env"][key] for key in step.get("env", {}) if key not in others
            }
            steps.append(step | {"env": environment})
    return steps


def test_the_deploy_workflows_differ_only_where_they_must() -> None:
    assert common_steps("deploy-prod.yml") == common_steps("deploy-staging.yml")
    production, staging = deploy_job("deploy-prod.yml"), deploy_job("deploy-staging.yml")
    for key in (production.keys() | staging.keys()) - OTHER_KEYS:
        assert production[key] == staging[key], key


def test_each_step_of_only_one_workflow_is_listed_here() -> None:
    staging, production = (
        {step.get("name") for step in deploy_job(name)["steps"]}
        for name in ("deploy-staging.yml", "deploy-prod.yml")
    )
    assert staging - production == set(STAGING_ONLY)
    assert production - staging == set(PRODUCTION_ONLY)


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
@pytest.mark.parametrize(("code", "red"), [(0, False), (3, False), (1, True), (2, True)])
def test_only_a_failed_rollback_makes_its_step_red(workflow: str, code: int, red: bool) -> None:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    (command,) = [str(step["run"]) for step in steps if step.get("name") == "Roll back"]
    script = re.sub("scripts/rollback [^|]*", f"(exit {code}) ", command)
    assert bool(subprocess.run(["bash", "-e", "-c", script]).returncode) == red


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
def test_a_rollback_renews_the_credentials(workflow: str) -> None:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    named = {step["name"]: step for step in steps if "name" in step}
    first, again = named["Configure AWS credentials"], named["Renew AWS credentials"]
    assert (again["uses"], again["with"]) == (first["uses"], first["with"])
    assert steps[steps.index(again) + 1] is named["Roll back"]
    assert again["if"] == named["Roll back"]["if"]
    assert again["continue-on-error"]
