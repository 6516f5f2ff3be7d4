"""The variables and secrets of scripts/configure-github: their places, and invalid ones."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery import paths
from delivery.errors import Failure
from delivery.github import github_values
from delivery.github.github_settings import CHECKS, places, uses
from delivery.paths import INFRA, WORKFLOWS
from tests.delivery.fake_github import SECRET, VALUES, value_file

DOCS = WORKFLOWS.parents[1] / "docs"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[staging]\nAPP_URLL = x", "APP_URLL: no workflow reads it"),
        ("[staging]\nSTAGING_URL = https://x", r"STAGING_URL belongs in \[repository\]"),
        ("[repository]\nAPP_URL = https://x", r"belongs in \[staging\] or \[production\]"),
        ("[prod]\nAPP_URL = https://x", r"\[prod\] is not "),
        (f"[staging]\nAPP_URL = {SECRET}", "APP_URL: give a value that begins with http"),
        (f"[repository]\nSLACK_WEBHOOK_URL = {SECRET}", "give a value that begins with https"),
        (
            "[repository]\nCODECOV_TOKEN =",
            "CODECOV_TOKEN: give a value that is one line and not empty",
        ),
        (f"CODECOV_TOKEN = {SECRET}", "line 1: expected NAME = value below"),
        (f"[repository]\n{SECRET}", "expected NAME = value below"),
    ],
)
def test_a_wrong_value_is_reported_but_not_printed(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Failure, match=problem) as refused:
        github_values.read(value_file(tmp_path, text))
    assert SECRET not in str(refused.value)


def test_a_file_of_secrets_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="other users can read these secrets: chmod 600"):
        github_values.read(value_file(tmp_path, VALUES, mode=0o640))


def test_missing_secrets_are_asked_for_without_echo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def answer(kind: str, prompt: str) -> str:
        asked.append(f"{kind}: {prompt.split(' (')[0]}")
        return SECRET if kind == "unseen" else ""

    monkeypatch.setattr(github_values, "getpass", lambda prompt: answer("unseen", prompt))
    monkeypatch.setattr("builtins.input", lambda prompt: answer("seen", prompt))
    there = {("", "SLACK_WEBHOOK_URL"), ("staging", "APP_URL"), ("staging", "AWS_ROLE_ARN")}
    given = github_values.ask(there)
    assert asked == [
        "seen: APP_URL of production",
        "seen: AWS_ROLE_ARN of production",
        "unseen: AWS_ACCESS_KEY_ID_PROD of production",
        "unseen: AWS_SECRET_ACCESS_KEY_PROD of production",
        "unseen: CODECOV_TOKEN of the repository",
    ]
    assert set(given.values()) == {SECRET}


def test_the_example_in_the_docs_is_valid(tmp_path: Path) -> None:
    (example,) = re.findall(r"```ini\n(.+?)```", (DOCS / "setup.md").read_text(), re.DOTALL)
    assert len(github_values.read(value_file(tmp_path, example))) == 5


# --- what the workflows say


def test_the_required_checks_are_the_jobs_of_test_yml() -> None:
    jobs = yaml.safe_load((WORKFLOWS / "test.yml").read_text())["jobs"]
    names = []
    for job in jobs.values():
        for version in job.get("strategy", {}).get("matrix", {}).get("mysql", [""]):
            names.append(job["name"].replace("${{ matrix.mysql }}", version))
    assert sorted(names) == sorted(CHECKS)


def test_a_merge_queue_runs_the_required_checks() -> None:
    # YAML reads `on` as true.
    assert "merge_group" in yaml.safe_load((WORKFLOWS / "test.yml").read_text())[True]


def test_every_secret_and_variable_of_the_workflows_is_found() -> None:
    found = set()
    for path in paths.WORKFLOWS.glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        for job in workflow.pop("jobs").values():
            environment = job.get("environment", {}).get("name", "")
            found |= {(name, path.name, environment) for name in names_in(job)}
        found |= {(name, path.name, "") for name in names_in(workflow)}
    assert found == {(use.name, use.workflow, use.environment) for use in uses()}


def names_in(node: Any) -> set[str]:
    return set(re.findall(r"\b(?:secrets|vars)\.(\w+)", str(node))) - {"GITHUB_TOKEN"}


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("AWS_ROLE_ARN", ["staging", "production"]),
        ("AWS_SECRET_ACCESS_KEY_PROD", ["production"]),
        ("STAGING_URL", [""]),
        ("AWS_REGION", [""]),
        ("WATCH_MINUTES", ["", "production", "staging"]),
    ],
)
def test_a_value_may_be_set_where_all_its_jobs_can_read_it(name: str, where: list[str]) -> None:
    assert places(name) == where


def test_the_docs_name_every_secret_and_variable_of_the_workflows() -> None:
    text = (DOCS / "deploy.md").read_text().partition("| name | kind and meaning | where |")[2]
    rows = re.findall(r"^\| (`.+?) \|", text.partition("\n\n")[0], re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == {use.name for use in uses()}


def test_the_architecture_of_the_runner_follows_the_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert github_values.architecture({}) == {}
    text = (INFRA / "parameters/staging.json").read_text().replace("X86_64", "ARM64")
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters/staging.json").write_text(text)
    monkeypatch.setattr(github_values, "INFRA", tmp_path)
    wanted = {("", "ARCHITECTURE"): "ARM64"}
    assert github_values.architecture({}) == wanted
    assert github_values.architecture(wanted) == {}
