"""scripts/doctor: good, missing and wrong values, and those it could not check."""

import socket
from pathlib import Path
from typing import Any

import pytest

from delivery.deploy.verify_deployment import Site
from delivery.doctor import doctor, doctor_github
from delivery.doctor.findings import MISSING, NOT_ASKED, OK, WRONG, Finding, asked
from delivery.environments import SOURCES
from delivery.errors import Failure
from delivery.github.configure_github import configure
from delivery.github.gh import GET_GH
from delivery.paths import INFRA
from tests.delivery.fake_github import VALUES, FakeGitHub, value_file, words
from tests.delivery.fake_staging import Staging, days_ago
from tests.delivery.in_process import run_here

ROOT = INFRA.parent


# --- GitHub

ANSWERS = {"https://staging.example.com": "staging", "https://example.com": "production"}


@pytest.fixture(autouse=True)
def web(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make /health/ answer at the configured URLs."""

    def health(site: Site) -> dict[str, str]:
        if site.url not in ANSWERS:
            raise Failure(f"{site}/health/: refused")
        return {"status": "ok", "environment": ANSWERS[site.url]}

    monkeypatch.setattr(doctor_github, "health", health)


def examine(github: FakeGitHub) -> list[Finding]:
    return list(doctor_github.examine(github))


@pytest.fixture
def github(api: Any, tmp_path: Path, staging: Staging) -> FakeGitHub:
    """A repository with a complete configuration."""
    github = FakeGitHub(api)
    configure(github, words(values=value_file(tmp_path, VALUES)))
    github.calls.clear()
    return github


def wrong(github: FakeGitHub) -> list[str]:
    return [str(finding) for finding in examine(github) if finding.state != OK]


def test_the_settings_of_configure_github_are_ok(github: FakeGitHub) -> None:
    assert wrong(github) == []
    assert github.calls == []


def test_each_secret_and_variable_is_listed_with_its_workflows(github: FakeGitHub) -> None:
    lines = "\n".join(map(str, examine(github)))
    assert "secret SLACK_WEBHOOK_URL of the repository (deploy-prod.yml, deploy-stagi" in lines
    assert "variable APP_URL of production = https://example.com (deploy-prod.yml" in lines
    assert "variable BUILDX_DRIVER: not set, and optional (deploy-staging.yml)" in lines


def test_all_settings_of_a_new_repository_are_missing(api: Any, staging: Staging) -> None:
    lines = wrong(FakeGitHub(api))
    configure_it = "-> scripts/configure-github"
    for what in (
        "missing    staging: the variable APP_URL",
        "missing    production: the variable STAGING_URL",
        "missing    ruleset main",
        "wrong      environment production: production needs one or two approvers",
    ):
        assert any(line.startswith(what) and line.endswith(configure_it) for line in lines), what


def test_a_missing_deploy_required_is_reported(github: FakeGitHub) -> None:
    del github.variables["actions"]["DEPLOY_REQUIRED"]
    (found,) = wrong(github)
    assert found.startswith("missing    the variable DEPLOY_REQUIRED: without it")
    assert found.endswith("-> scripts/configure-github")


@pytest.mark.parametrize(
    ("place", "name", "value", "finding"),
    [
        ("actions", "APP_URL", "https://x", "must be set for staging and production only"),
        (
            "environments/production",
            "STAGING_URL",
            "https://x",
            "must be set for the repository only",
        ),
        ("actions", "ALLOW_FRIDAY_DEPLOY", "true", "-> gh variable delete ALLOW_FRIDAY_DEPLOY"),
    ],
)
def test_a_value_in_the_wrong_place_is_reported(
    github: FakeGitHub, place: str, name: str, value: str, finding: str
) -> None:
    github.variables[place][name] = value
    (found,) = wrong(github)
    assert finding in found


@pytest.mark.parametrize(
    ("place", "name", "command"),
    [
        ("environments/staging", "APP_URL", "gh variable set APP_URL --env staging"),
        ("actions", "STAGING_URL", "gh variable set STAGING_URL"),
    ],
)
def test_a_url_that_leads_to_another_environment_is_wrong(
    github: FakeGitHub, place: str, name: str, command: str
) -> None:
    github.variables[place][name] = "https://example.com"
    (found,) = wrong(github)
    assert found.startswith(f"wrong      {name} of ")
    assert found.endswith(f" leads to production, not to staging -> {command}")


def test_a_bypass_for_administrators_is_reported(github: FakeGitHub) -> None:
    github.api = None  # GitHub answers with this field, and does not document it
    github.bypass = True
    (found,) = wrong(github)
    assert "administrators may deploy without an approval -> Settings > Env" in found


def test_a_security_feature_that_is_off_is_reported(github: FakeGitHub) -> None:
    github.features.discard("immutable-releases")
    assert wrong(github) == ["wrong      immutable releases: off -> scripts/configure-github"]


@pytest.mark.parametrize(
    ("selected", "refused"),
    [
        ({"github_owned_allowed": True, "patterns_allowed": ["*"]}, []),
        ({"github_owned_allowed": False, "patterns_allowed": ["[!a]*", "aws*"]}, ["actions/"]),
        ({"github_owned_allowed": True, "patterns_allowed": ["[!c]*"]}, ["codecov/"]),
    ],
)
def test_an_action_that_the_policy_refuses_is_reported(
    github: FakeGitHub, selected: dict[str, Any], refused: list[str]
) -> None:
    github.policy = {"enabled": True, "allowed_actions": "selected"}
    github.selected = selected
    found = wrong(github)
    assert bool(found) == bool(refused)
    for one in found:
        assert any(f"the policy on actions refuses {owner}" in one for owner in refused)


def test_a_url_that_does_not_answer_is_reported(github: FakeGitHub) -> None:
    github.variables["environments/production"]["APP_URL"] = "https://down.example.com"
    (found,) = wrong(github)
    assert found == (
        "not asked  where APP_URL of production leads: https://down.example.com/health/: refused"
    )


def test_keys_beside_a_role_are_wrong(github: FakeGitHub) -> None:
    github.secrets["environments/staging"]["AWS_ACCESS_KEY_ID"] = days_ago(1)
    (found,) = wrong(github)
    assert "not needed, because the deploys have a role" in found
    assert found.endswith("-> gh secret delete AWS_ACCESS_KEY_ID --env staging")


def test_keys_older_than_a_quarter_are_wrong(github: FakeGitHub) -> None:
    github.variables["environments/production"].pop("AWS_ROLE_ARN")
    for name in ("AWS_ACCESS_KEY_ID_PROD", "AWS_SECRET_ACCESS_KEY_PROD"):
        github.secrets["environments/production"][name] = days_ago(93)
    found = wrong(github)
    assert len(found) == 2
    assert found[0].endswith(
        "93 days old; the limit is 92 -> scripts/rotate-secrets production keys"
    )


def test_a_subject_that_aws_does_not_expect_is_wrong(github: FakeGitHub) -> None:
    github.prefix = "repo:acme@1/shop@2"
    found = wrong(github)
    assert len(found) == 2
    assert "GitHubSubject is repo:acme/shop, but GitHub says repo:acme@1/shop@2" in found[0]


def test_a_loosened_protection_is_wrong(github: FakeGitHub) -> None:
    github.environments["production"]["reviewers"] = []
    github.policies["staging"][200] = {"id": 200, "name": "*", "type": "branch"}
    github.rulesets[1]["enforcement"] = "disabled"
    found = "\n".join(wrong(github))
    assert "environment production: production needs one or two approvers" in found
    assert "missing or wrong: staging: the branch * may no longer deploy" in found
    assert "wrong      ruleset main" in found


def test_pull_requests_without_approval_are_ok_for_one_person(github: FakeGitHub) -> None:
    configure(github, words(approvals=0))
    assert wrong(github) == []


# --- this machine


def test_a_missing_tool_is_reported_with_its_source() -> None:
    found = doctor.tool("nonesuch", ["nonesuch"], "https://example.com")
    assert str(found) == "missing    nonesuch -> https://example.com"


def test_a_broken_tool_is_reported_with_the_reason() -> None:
    found = doctor.tool("sh", ["sh", "-c", "echo no engine >&2; exit 1"], "scripts/start-docker")
    assert str(found) == "wrong      sh: no engine -> scripts/start-docker"


def test_a_request_that_fails_is_a_finding() -> None:
    def nobody() -> Any:
        yield Finding(OK, "first")
        raise Failure("no credentials")

    assert [finding.state for finding in asked("x", nobody)] == [OK, NOT_ASKED]


def test_a_part_that_could_not_be_checked_fails(tmp_path: Path) -> None:
    (tmp_path / "git").symlink_to("/usr/bin/git")
    words = ("github", "staging", "--repository", "acme/shop")
    done = run_here("scripts/doctor", *words, without=("AWS_", "GH_"), PATH=str(tmp_path))
    assert done.returncode == 1
    page = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
    no_aws = f"the AWS CLI is missing: {page}"
    assert done.stdout.splitlines() == [
        "GitHub:",
        f"  not asked  github -> gh is missing: {GET_GH}",
        "AWS: staging:",
        f"  not asked  staging -> {no_aws}",
        "0 ok, 2 not",
        "Next, in this order:",
        f"  1. gh is missing: {GET_GH}",
        f"  2. {no_aws}",
    ]


def test_the_environments_of_the_list_are_those_that_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SOURCES, "demo", ("branch", "demo"))
    assert [*doctor.parts("")][2:] == ["staging", "production", "demo"]


def test_a_missing_tool_is_listed_as_one_step(tmp_path: Path) -> None:
    (tmp_path / "git").symlink_to("/usr/bin/git")
    words = ("--repository", "acme/shop")
    done = run_here("scripts/doctor", *words, without=("AWS_", "GH_"), PATH=str(tmp_path))
    _, steps = done.stdout.split("Next, in this order:")
    assert steps.count(GET_GH) == steps.count("aws.amazon.com/cli/") == 1


def test_with_nothing_set_up_each_step_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, program in {
        "git": "echo \"error: No such remote 'origin'\" >&2; exit 2",
        "gh": "exit 1",
        "aws": "echo Unable to locate credentials >&2; exit 255",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / name).chmod(0o755)
    words = ("github", "staging", "production")
    path = f"{tmp_path}:/usr/bin:/bin"
    done = run_here("scripts/doctor", *words, without=("AWS_", "GH_"), PATH=path)
    _, steps = done.stdout.split("Next, in this order:\n")
    assert steps.splitlines() == [
        "  1. No repository is known: git remote add origin URL, or --repository OWNER/NAME"
        " (git remote: error: No such remote 'origin')",
        "  2. AWS accepts no credentials: aws configure, or aws sso login"
        " (aws sts get-caller-identity: Unable to locate credentials)",
    ]


def test_a_port_that_is_taken_comes_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        found = doctor.port(number)
    assert found.fix == f"take another port: PORT={number + 1} make run"


def test_an_unknown_part_is_refused() -> None:
    done = run_here("scripts/doctor", "githubb")
    assert done.returncode == 2
    assert "githubb: the parts are machine, github, staging, " in done.stderr


def test_states_are_aligned() -> None:
    assert [str(Finding(state, "x")).index("x") for state in (OK, MISSING, WRONG, NOT_ASKED)] == [
        11
    ] * 4
