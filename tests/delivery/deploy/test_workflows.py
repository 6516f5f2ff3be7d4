"""deploy-staging.yml and deploy-prod.yml."""

import re
import subprocess

import pytest
import yaml

from delivery.paths import WORKFLOWS


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
@pytest.mark.parametrize(("code", "red"), [(0, False), (3, False), (1, True), (2, True)])
def test_a_rollback_that_leaves_something_to_do_is_one(workflow: str, code: int, red: bool) -> None:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    (command,) = [str(step["run"]) for step in steps if step.get("name") == "Roll back"]
    script = re.sub("scripts/rollback [^|]*", f"(exit {code}) ", command)
    assert bool(subprocess.run(["bash", "-e", "-c", script]).returncode) == red


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
def test_a_rollback_gets_credentials_of_its_own(workflow: str) -> None:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    named = {step["name"]: step for step in steps if "name" in step}
    first, again = named["Configure AWS credentials"], named["Renew AWS credentials"]
    assert (again["uses"], again["with"]) == (first["uses"], first["with"])
    assert steps[steps.index(again) + 1] is named["Roll back"]
    assert again["if"] == named["Roll back"]["if"]
    assert again["continue-on-error"]
