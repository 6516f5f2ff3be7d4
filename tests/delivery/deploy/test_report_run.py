"""scripts/report-run: the message to Slack on each run that deployed or should have."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.deploy.report_run import text
from delivery.paths import WORKFLOWS
from tests.delivery.in_process import run_here

URL = "https://example.com/runs/1"
WHAT = "production: v1.2.3"
DEPLOYED = f"{WHAT} deployed. {URL}"


def job(result: str, **outputs: str) -> dict[str, Any]:
    return {"result": result, "outputs": outputs}


def said(**needs: dict[str, Any]) -> str:
    return text(WHAT, needs, URL)


def test_the_report_of_the_deploy_is_used() -> None:
    deploy = job("failure", text=f"{WHAT} FAILED and rolled back. {URL}")
    assert said(check=job("success"), deploy=deploy) == f"{WHAT} FAILED and rolled back. {URL}"


@pytest.mark.parametrize("name", ["check", "test"])
def test_a_deploy_that_never_began_is_reported_with_the_reason(name: str) -> None:
    # act leaves the outputs of a job that was skipped as they stand in the file.
    skipped = job("skipped", text="${{ steps.outcome.outputs.text }}")
    assert said(**{name: job("failure")}, deploy=skipped) == (
        f"{WHAT} NOT DEPLOYED: {name} failed. {URL}"
    )


def test_a_deploy_that_was_refused_or_cancelled_is_reported() -> None:
    assert said(check=job("success"), deploy=job("failure")) == (
        f"{WHAT} NOT DEPLOYED: deploy failed. {URL}"
    )
    assert said(check=job("success"), deploy=job("cancelled")) == (
        f"{WHAT} NOT DEPLOYED: deploy was cancelled, by somebody or by a newer run. {URL}"
    )


def test_a_failed_release_is_reported() -> None:
    deploy = job("success", text=DEPLOYED)
    assert said(deploy=deploy, release=job("failure")) == f"{DEPLOYED} But release failed."


def test_a_fork_without_an_aws_account_reports_nothing(tmp_path: Path) -> None:
    needs = json.dumps({"test": job("success"), "deploy": job("success")})
    output = tmp_path / "output"
    done = run_here("scripts/report-run", "staging", "x", NEEDS=needs, GITHUB_OUTPUT=str(output))
    assert (done.returncode, output.exists()) == (0, False)


def test_a_tag_can_not_mention_a_slack_channel(tmp_path: Path) -> None:
    needs = json.dumps({"check": job("failure"), "deploy": job("skipped")})
    output = tmp_path / "output"
    run_here(
        "scripts/report-run", "staging", "v1.2.3<!here>", NEEDS=needs, GITHUB_OUTPUT=f"{output}"
    )
    assert "v1.2.3&lt;!here&gt; NOT DEPLOYED" in output.read_text()


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
def test_the_job_notify_always_runs_after_all_other_jobs(workflow: str) -> None:
    jobs = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]
    last = jobs.pop("notify")
    assert last["needs"] == list(jobs)
    assert last["if"].startswith("always() && ")
    assert jobs["deploy"]["outputs"]["text"] == "${{ steps.outcome.outputs.text }}"


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
def test_slack_can_delay_a_run_by_one_minute_at_most(workflow: str) -> None:
    (step,) = [
        step
        for step in yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["notify"]["steps"]
        if step.get("name") == "Notify Slack"
    ]
    assert (step["timeout-minutes"], step["continue-on-error"]) == (1, True)
