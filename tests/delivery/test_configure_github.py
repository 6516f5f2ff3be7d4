"""scripts/configure-github: what it tells GitHub, and what it never tells anybody else."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import github_values
from scripts.aws import Failure
from scripts.configure_github import configure
from scripts.github import Gh
from scripts.github_settings import CHECKS, WORKFLOWS, places, uses
from tests.delivery.fake_github import FakeGitHub, changed, served
from tests.delivery.github_api import Api

ROOT = WORKFLOWS.parents[1]
SECRET = "hush-hush"
VALUES = f"""\
[repository]
SLACK_WEBHOOK_URL = https://hooks.example.com/{SECRET}
[staging]
APP_URL = https://staging.example.com
AWS_ROLE_ARN = arn:aws:iam::123456789012:role/myapp-staging-deploy
[production]
APP_URL = https://example.com
AWS_ROLE_ARN = arn:aws:iam::123456789012:role/myapp-production-deploy
"""
PATHS = [
    "PUT environments/staging",
    "POST environments/staging/deployment-branch-policies",
    "PUT environments/production",
    "POST environments/production/deployment-branch-policies",
    "POST rulesets",
    "POST rulesets",
]


@pytest.fixture
def github(api: Api | None) -> FakeGitHub:
    return FakeGitHub(api)


@pytest.fixture
def values(tmp_path: Path) -> Path:
    return value_file(tmp_path, VALUES)


def value_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "values"
    file.write_text(text)
    file.chmod(mode)
    return file


def words(**given: Any) -> argparse.Namespace:
    usual = {"reviewer": ["alice"], "values": None, "approvals": 1, "dry_run": False, "yes": True}
    return argparse.Namespace(**(usual | given))


# --- GitHub's description


def test_every_call_is_one_that_github_documents(api: Api | None, github_document: Any) -> None:
    if not api:
        pytest.skip(f"NO CALL WAS HELD AGAINST GITHUB'S OWN DESCRIPTION: {github_document}")
    body = {"wait_timer": 5, "reviewers": [{"type": "User", "id": 1}]}
    assert api.request("PUT", "/repos/o/r/environments/production", body) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("PUT", "environment/x", {}, "no such operation"),
        ("PATCH", "environments/x", {}, "no such operation"),
        ("PUT", "environments/x", {"wait_minutes": 5}, "body.wait_minutes: no such field"),
        ("PUT", "environments/x", {"wait_timer": "5"}, "body.wait_timer: '5' is no integer"),
        ("PUT", "environments/x", {"reviewers": [{"type": "Bot"}]}, "'Bot' is none of"),
        ("PUT", "environments/x", {"deployment_branch_policy": {}}, "custom_branch_policies: miss"),
        ("POST", "rulesets", {"name": "x"}, "body.enforcement: missing"),
        ("GET", "rulesets?parents=false", None, "?parents: no such parameter"),
        ("GET", "environments/x", {"a": 1}, "a body, where there is none"),
    ],
)
def test_what_github_does_not_document_is_noticed(
    api: Api | None, method: str, path: str, body: Any, problem: str
) -> None:
    if not api:
        pytest.skip("GitHub's description is out of reach")
    assert problem in "; ".join(api.request(method, f"/repos/o/r/{path}", body))


def test_a_rule_that_github_does_not_know_is_noticed(api: Api | None) -> None:
    if not api:
        pytest.skip("GitHub's description is out of reach")
    body = {"name": "x", "enforcement": "active", "rules": [{"type": "deletions"}]}
    assert "is none of" in api.request("POST", "/repos/o/r/rulesets", body)[0]


# --- what is set


def test_the_guide_is_what_a_new_repository_gets(github: FakeGitHub) -> None:
    configure(github, words(reviewer=["alice", "acme/ops"]))
    assert changed(github) == PATHS
    policy = {"protected_branches": False, "custom_branch_policies": True}
    assert github.environments["staging"] == {"deployment_branch_policy": policy}
    assert github.environments["production"] == {
        "wait_timer": 5,
        "prevent_self_review": False,
        "reviewers": [{"type": "User", "id": 11}, {"type": "Team", "id": 21}],
        "deployment_branch_policy": policy,
    }
    allowed = {
        name: [(p["type"], p["name"]) for p in policies.values()]
        for name, policies in github.policies.items()
    }
    assert allowed == {"staging": [("branch", "main")], "production": [("tag", "v*.*.*")]}


def test_a_second_run_changes_nothing(
    github: FakeGitHub, values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(github, words(values=values))
    changed(github)
    configure(github, words(reviewer=[]))
    assert changed(github) == []
    assert "all is as it should be" in capsys.readouterr().out


def test_what_somebody_loosened_is_put_right(github: FakeGitHub) -> None:
    configure(github, words())
    changed(github)
    github.environments["production"]["wait_timer"] = 0
    github.environments["staging"] |= {"wait_timer": 30}
    github.policies["production"][200] = {"id": 200, "name": "*", "type": "branch"}
    github.rulesets[1]["enforcement"] = "disabled"
    configure(github, words(reviewer=[]))
    assert changed(github) == [
        "PUT environments/staging",
        "PUT environments/production",
        "DELETE environments/production/deployment-branch-policies/200",
        "PUT rulesets/1",
    ]
    assert github.environments["staging"]["wait_timer"] == 0
    assert github.environments["production"]["wait_timer"] == 5


def test_what_somebody_tightened_stays(github: FakeGitHub) -> None:
    configure(github, words())
    github.rulesets[1]["rules"].append({"type": "required_signatures"})
    github.environments["production"]["prevent_self_review"] = True
    changed(github)
    configure(github, words(reviewer=["bob"], approvals=2))
    assert changed(github) == ["PUT environments/production", "PUT rulesets/1"]
    assert {"type": "required_signatures"} in github.rulesets[1]["rules"]
    assert github.environments["production"]["prevent_self_review"]
    assert github.environments["production"]["reviewers"] == [{"type": "User", "id": 12}]


def test_values_go_where_the_workflows_look_for_them(github: FakeGitHub, values: Path) -> None:
    configure(github, words(values=values))
    assert github.variables["environments/production"]["APP_URL"] == "https://example.com"
    assert github.variables["actions"] == {"STAGING_URL": "https://staging.example.com"}
    assert github.plain == {("", "SLACK_WEBHOOK_URL"): f"https://hooks.example.com/{SECRET}"}


def test_only_a_variable_that_differs_is_set_again(
    github: FakeGitHub, values: Path, tmp_path: Path
) -> None:
    configure(github, words(values=values))
    changed(github)
    file = value_file(tmp_path, VALUES.replace("https://example.com", "https://example.org"))
    configure(github, words(values=file))
    assert changed(github) == [
        "PUT actions/secrets/SLACK_WEBHOOK_URL",
        "PATCH environments/production/variables/APP_URL",
    ]


def test_a_dry_run_prints_the_calls_without_secrets_and_makes_none(
    github: FakeGitHub, values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(github, words(values=values, dry_run=True))
    out = capsys.readouterr().out
    assert changed(github) == []
    assert "gh api --method PUT repos/acme/shop/environments/production --input -" in out
    assert '"wait_timer": 5' in out
    assert "gh secret set SLACK_WEBHOOK_URL --repo acme/shop\n" in out
    assert SECRET not in out


def test_no_leaves_everything_as_it_is(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with pytest.raises(Failure, match="nothing was changed"):
        configure(github, words(yes=False))
    assert changed(github) == []


# --- what is said


@pytest.mark.parametrize("plan", ["pro", "team", "free"])
def test_a_plan_that_does_not_enforce_approvals_is_named(
    api: Api | None, plan: str, capsys: pytest.CaptureFixture[str]
) -> None:
    github = FakeGitHub(api, plan=plan)
    with pytest.raises(Failure, match=r"all but this: environment production: .*billing plan"):
        configure(github, words())
    assert f"in a private repository on the plan {plan}" in capsys.readouterr().out
    # What the plan has is set all the same.
    assert github.policies["production"][100]["name"] == "v*.*.*"
    assert len(github.rulesets) == (0 if plan == "free" else 2)


def test_a_plan_that_enforces_them_is_not(
    api: Api | None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(FakeGitHub(api, plan="enterprise"), words())
    assert "NOT ENFORCED" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"reviewer": []}, "who approves a deploy to production"),
        ({"reviewer": ["mallory"]}, "--reviewer mallory: GitHub knows neither"),
    ],
)
def test_nothing_is_done_without_a_reviewer(github: FakeGitHub, given: Any, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        configure(github, words(**given))
    assert changed(github) == []


def test_only_an_administrator_gets_further(api: Api | None) -> None:
    with pytest.raises(Failure, match="you are not one of its administrators"):
        configure(FakeGitHub(api, admin=False), words())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[staging]\nAPP_URLL = x", "APP_URLL: no workflow reads it"),
        ("[staging]\nSTAGING_URL = https://x", r"STAGING_URL belongs into \[repository\]"),
        ("[repository]\nAPP_URL = https://x", r"belongs into \[staging\] or \[production\]"),
        ("[prod]\nAPP_URL = https://x", r"\[prod\] is none of"),
        (f"[staging]\nAPP_URL = {SECRET}", "APP_URL: give a value that begins with http"),
        (f"[repository]\nSLACK_WEBHOOK_URL = {SECRET}", "give a value that begins with https"),
        ("[repository]\nCODECOV_TOKEN =", "CODECOV_TOKEN: give a value that is not empty"),
        (f"CODECOV_TOKEN = {SECRET}", "line 1: not NAME = value below"),
        (f"[repository]\n{SECRET}", "not NAME = value below"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Failure, match=problem) as refused:
        github_values.read(value_file(tmp_path, text))
    assert SECRET not in str(refused.value)


def test_a_file_of_secrets_that_others_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="others may read these secrets: chmod 600"):
        github_values.read(value_file(tmp_path, VALUES, mode=0o640))


def test_secrets_are_typed_unseen_and_only_where_they_are_missing(
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


# --- what the workflows say


def test_what_pull_requests_wait_for_are_the_jobs_of_test_yml() -> None:
    jobs = yaml.safe_load((WORKFLOWS / "test.yml").read_text())["jobs"]
    names = []
    for job in jobs.values():
        for version in job.get("strategy", {}).get("matrix", {}).get("mysql", [""]):
            names.append(job["name"].replace("${{ matrix.mysql }}", version))
    assert sorted(names) == sorted(CHECKS)


def test_no_secret_or_variable_of_a_workflow_is_overlooked() -> None:
    found = set()
    for path in WORKFLOWS.glob("*.yml"):
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
def test_a_value_may_stand_where_every_job_that_reads_it_sees_it(
    name: str, where: list[str]
) -> None:
    assert places(name) == where


# --- with a gh


def run(*given: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["scripts/configure-github", "--repository", "acme/shop", *given]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GH_", "GITHUB_"))}
    return subprocess.run(
        command, cwd=ROOT, env=environment | variables, capture_output=True, text=True, input=""
    )


def test_the_real_gh_says_what_was_meant(api: Api | None, tmp_path: Path, values: Path) -> None:
    if not shutil.which("gh"):
        pytest.skip("no gh on this machine: apt-get install gh")
    github = FakeGitHub(api)
    with served(github, tmp_path) as variables:
        done = run("--reviewer", "alice", "--values", str(values), "--yes", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(PATHS) < set(changed(github))
    assert github.secrets["actions"].keys() == {"SLACK_WEBHOOK_URL"}
    assert github.environments["production"]["wait_timer"] == 5


def fake_gh(folder: Path, script: str) -> str:
    """Put a `gh` before all others on a PATH."""
    (folder / "gh").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "gh").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'To get started, please run:  gh auth login' >&2; exit 4", "gh is not logged in"),
        ("echo 'gh: Bad credentials (HTTP 401)' >&2; exit 1", "gh is not logged in: gh auth login"),
        ("echo 'gh: Not Found (HTTP 404)' >&2; exit 1", "gh api --method GET repos/acme/shop: gh:"),
        ("echo 'dial tcp: no such host' >&2; exit 1", "no such host"),
    ],
)
def test_a_gh_that_can_not_is_one_line(tmp_path: Path, script: str, problem: str) -> None:
    done = run(PATH=fake_gh(tmp_path, script))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert problem in done.stderr


def test_a_missing_gh_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    (tmp_path / "python3").symlink_to(sys.executable)
    done = run(PATH=str(tmp_path))
    assert done.stderr == (
        "scripts/configure-github: GitHub's CLI, gh, is missing: https://cli.github.com\n"
    )


def test_a_secret_reaches_gh_through_its_standard_input_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    path = fake_gh(tmp_path, f'echo "$@" >>{log}; env >>{log}; cat >{tmp_path}/stdin')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        Gh("acme/shop").set_secret("CODECOV_TOKEN", "", SECRET)
    assert log.read_text().startswith("secret set CODECOV_TOKEN --repo acme/shop\n")
    assert SECRET not in log.read_text()
    assert (tmp_path / "stdin").read_text() == SECRET
