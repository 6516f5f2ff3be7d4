"""scripts/configure-github: what it sends to GitHub, and which secrets it never prints."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from delivery.errors import Failure
from delivery.github.client import Gh
from delivery.github.configure_github import configure
from delivery.github.gh import GET_GH
from delivery.paths import WORKFLOWS
from tests.delivery.fake_github import (
    SECRET,
    VALUES,
    FakeGitHub,
    changed,
    served,
    value_file,
    words,
)
from tests.delivery.github_api import Api
from tests.delivery.in_process import run_here

ROOT = WORKFLOWS.parents[1]
PATHS = [
    "PUT environments/staging",
    "POST environments/staging/deployment-branch-policies",
    "PUT environments/production",
    "POST environments/production/deployment-branch-policies",
    *["POST rulesets"] * 3,
    "PATCH /repos/acme/shop",
    "PUT private-vulnerability-reporting",
    "PUT vulnerability-alerts",
    "PUT immutable-releases",
]


@pytest.fixture
def github(api: Api | None) -> FakeGitHub:
    return FakeGitHub(api)


@pytest.fixture
def values(tmp_path: Path) -> Path:
    return value_file(tmp_path, VALUES)


# --- what is set


def test_a_new_repository_gets_the_settings_of_the_guide(github: FakeGitHub) -> None:
    configure(github, words(reviewer=["alice", "acme/ops"]))
    assert changed(github) == PATHS
    policy = {"protected_branches": False, "custom_branch_policies": True}
    assert github.environments["staging"] == {"deployment_branch_policy": policy}
    assert github.environments["production"] == {
        "wait_timer": 5,
        "prevent_self_review": True,
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
    assert "no changes: everything is set up" in capsys.readouterr().out


def test_loosened_settings_are_restored(github: FakeGitHub) -> None:
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


def test_a_single_reviewer_may_approve_their_own_release(github: FakeGitHub) -> None:
    configure(github, words(reviewer=["alice"]))
    assert not github.environments["production"]["prevent_self_review"]


def test_only_maintainers_create_version_tags_and_nobody_moves_them(github: FakeGitHub) -> None:
    configure(github, words())
    rules = {
        ruleset["name"]: ([rule["type"] for rule in ruleset["rules"]], ruleset["bypass_actors"])
        for ruleset in github.rulesets.values()
    }
    roles = [actor["actor_id"] for actor in rules["new versions"][1]]
    assert (rules["new versions"][0], roles) == (["creation"], [2, 5])
    assert rules["versions"] == (["deletion", "update"], [])


def test_changed_bypass_actors_are_kept(github: FakeGitHub) -> None:
    configure(github, words())
    github.rulesets[3]["bypass_actors"] = []
    changed(github)
    configure(github, words(reviewer=[]))
    assert changed(github) == []


def test_an_unavailable_feature_does_not_fail(
    github: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    github.unavailable = {"secret_scanning"}
    configure(github, words())
    assert "not available here: secret scanning with push" in capsys.readouterr().out
    assert "immutable-releases" in github.features


def test_tightened_settings_are_kept(github: FakeGitHub) -> None:
    configure(github, words())
    github.rulesets[1]["rules"].append({"type": "required_signatures"})
    github.environments["production"]["prevent_self_review"] = True
    changed(github)
    configure(github, words(reviewer=["bob"], approvals=2))
    configure(github, words(reviewer=[]))
    assert changed(github) == ["PUT environments/production", "PUT rulesets/1"]
    assert {"type": "required_signatures"} in github.rulesets[1]["rules"]
    assert github.environments["production"]["prevent_self_review"]
    assert github.environments["production"]["reviewers"] == [{"type": "User", "id": 12}]


def test_values_are_set_where_the_workflows_read_them(github: FakeGitHub, values: Path) -> None:
    configure(github, words(values=values))
    assert github.variables["environments/production"]["APP_URL"] == "https://example.com"
    assert github.variables["actions"] == {
        "STAGING_URL": "https://staging.example.com",
        "DEPLOY_REQUIRED": "true",
    }
    assert github.plain == {("", "SLACK_WEBHOOK_URL"): f"https://hooks.example.com/{SECRET}"}


STAGING_ALONE = "[staging]\nAPP_URL = https://staging.example.com\n"
KEYS = "AWS_ACCESS_KEY_ID = AKIA\nAWS_SECRET_ACCESS_KEY = x\n"


@pytest.mark.parametrize(
    ("text", "required"),
    [(STAGING_ALONE, None), (f"[staging]\n{KEYS}", None), (f"{STAGING_ALONE}{KEYS}", "true")],
)
def test_deploys_are_required_once_there_are_a_url_and_credentials(
    github: FakeGitHub, tmp_path: Path, text: str, required: str | None
) -> None:
    configure(github, words(values=value_file(tmp_path, text)))
    assert github.variables["actions"].get("DEPLOY_REQUIRED") == required


def test_a_deploy_that_somebody_made_optional_stays_optional(
    github: FakeGitHub, values: Path
) -> None:
    github.variables["actions"]["DEPLOY_REQUIRED"] = "false"
    configure(github, words(values=values))
    assert github.variables["actions"]["DEPLOY_REQUIRED"] == "false"


def test_only_changed_variables_are_set_again(
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


def test_a_dry_run_prints_the_calls_without_secrets_and_changes_nothing(
    github: FakeGitHub, values: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(github, words(values=values, dry_run=True))
    out = capsys.readouterr().out
    assert changed(github) == []
    assert "gh api --method PUT repos/acme/shop/environments/production --input -" in out
    assert '"wait_timer": 5' in out
    assert "gh secret set SLACK_WEBHOOK_URL --repo acme/shop\n" in out
    assert SECRET not in out


def test_the_answer_no_changes_nothing(github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with pytest.raises(Failure, match="nothing was changed"):
        configure(github, words(yes=False))
    assert changed(github) == []


# --- what is said


@pytest.mark.parametrize("plan", ["pro", "team", "free"])
def test_a_plan_that_does_not_enforce_approvals_is_reported(
    api: Api | None, plan: str, capsys: pytest.CaptureFixture[str]
) -> None:
    github = FakeGitHub(api, plan=plan)
    with pytest.raises(
        Failure, match=r"everything was set except: environment production: .*billing plan"
    ):
        configure(github, words())
    assert f"in a private repository on the plan {plan}" in capsys.readouterr().out
    # What the plan has is set all the same.
    assert github.policies["production"][100]["name"] == "v*.*.*"
    assert len(github.rulesets) == (0 if plan == "free" else 3)


def test_a_plan_that_enforces_approvals_is_not_reported(
    api: Api | None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(FakeGitHub(api, plan="enterprise"), words())
    assert "NOT ENFORCED" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"reviewer": []}, "production needs one or two approvers"),
        ({"reviewer": ["mallory"]}, "--reviewer mallory: GitHub knows no person"),
    ],
)
def test_nothing_changes_without_a_reviewer(github: FakeGitHub, given: Any, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        configure(github, words(**given))
    assert changed(github) == []


def test_only_an_administrator_can_configure_a_repository(api: Api | None) -> None:
    with pytest.raises(Failure, match="you are not one of its administrators"):
        configure(FakeGitHub(api, admin=False), words())


# --- with a gh


def run(*given: str, **variables: str) -> subprocess.CompletedProcess[str]:
    words = ("--repository", "acme/shop", *given)
    return run_here("scripts/configure-github", *words, without=("GH_", "GITHUB_"), **variables)


def test_the_real_gh_sends_the_same_requests(api: Api | None, tmp_path: Path, values: Path) -> None:
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
    """Put a fake `gh` first on PATH."""
    (folder / "gh").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "gh").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'To get started, please run:  gh auth login' >&2; exit 4", "gh is not logged in"),
        ("echo 'gh: Bad credentials (HTTP 401)' >&2; exit 1", "gh is not logged in: gh auth login"),
        (
            "echo 'gh: Not Found (HTTP 404)' >&2; exit 1",
            "acme/shop: GitHub knows no such rep",
        ),
        ("echo 'dial tcp: no such host' >&2; exit 1", "no such host"),
    ],
)
def test_an_error_of_gh_is_reported_in_one_line(tmp_path: Path, script: str, problem: str) -> None:
    done = run(PATH=fake_gh(tmp_path, script))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert problem in done.stderr


def test_a_missing_gh_is_reported_with_its_source(tmp_path: Path) -> None:
    done = run(PATH=str(tmp_path))
    assert done.stderr == (f"scripts/configure-github: gh is missing: {GET_GH}\n")


def test_gh_gets_a_secret_through_its_standard_input_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    path = fake_gh(tmp_path, f'echo "$@" >>{log}; env >>{log}; cat >{tmp_path}/stdin')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        Gh("acme/shop").set_secret("CODECOV_TOKEN", "", SECRET)
    assert log.read_text().startswith("secret set CODECOV_TOKEN --repo acme/shop\n")
    assert SECRET not in log.read_text()
    assert (tmp_path / "stdin").read_text() == SECRET
