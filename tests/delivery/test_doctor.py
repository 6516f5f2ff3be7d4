"""scripts/doctor: what it finds well, what it finds missing or wrong, and what it could not ask."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts import doctor, doctor_aws, doctor_github
from scripts.aws import Failure
from scripts.configure_github import configure
from scripts.doctor_aws import Examination
from scripts.findings import MISSING, NOT_ASKED, OK, WRONG, Finding, asked
from scripts.infra_parameters import INFRA, TEMPLATES
from tests.delivery.documented_aws import DocumentedAws
from tests.delivery.fake_github import FakeGitHub
from tests.delivery.test_configure_github import VALUES, value_file, words

ROOT = INFRA.parent
ACCOUNT = "123456789012"
ARN = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/myapp-staging-task"
SUBJECT = "repo:acme/shop"


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


class Staging(DocumentedAws):
    """An environment in which all is well, until a test changes that."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses = {f"myapp-staging-{name}": "UPDATE_COMPLETE" for name in TEMPLATES}
        self.trusted = f"{SUBJECT}:environment:staging"
        self.certificate = {"Status": "ISSUED", "DomainName": "*.example.com", "NotAfter": ""}
        self.certificate["NotAfter"] = days_ago(-200)
        names = ("5xx-above-5-percent", "unhealthy-targets", "5xx-above-1-percent")
        self.states = {f"myapp-staging-{name}": "OK" for name in (*names, "p95-above-500-ms")}
        self.runs, self.running = f"{ARN}:7", 2
        self.images = True
        self.password: str | float = days_ago(10)
        self.key_days: list[int] = []

    def get_caller_identity(self, options: Any) -> Any:
        return {"Account": ACCOUNT}

    def describe_stacks(self, options: Any) -> Any:
        name = options["stack-name"]
        if name not in self.statuses:
            raise Failure(f"Stack with id {name} does not exist")
        number = {"ParameterKey": "DatabasePasswordNumber", "ParameterValue": "3"}
        return {"Stacks": [{"StackStatus": self.statuses[name], "Parameters": [number]}]}

    def get_role(self, options: Any) -> Any:
        if not self.trusted:
            raise Failure("An error occurred (NoSuchEntity)")
        subject = {"token.actions.githubusercontent.com:sub": self.trusted}
        statement = {"Effect": "Allow", "Condition": {"StringEquals": subject}}
        return {"Role": {"AssumeRolePolicyDocument": {"Statement": [statement]}}}

    def describe_certificate(self, options: Any) -> Any:
        return {"Certificate": self.certificate}

    def describe_alarms(self, options: Any) -> Any:
        alarms = [
            {"AlarmName": name, "StateValue": state, "ActionsEnabled": True}
            for name, state in self.states.items()
        ]
        return {"MetricAlarms": alarms}

    def describe_services(self, options: Any) -> Any:
        counts = {"runningCount": self.running, "desiredCount": 2}
        return {"services": [{"status": "ACTIVE", "taskDefinition": self.runs, **counts}]}

    def describe_task_definition(self, options: Any) -> Any:
        image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/myapp-staging:abc"
        containers = [{"name": "myapp", "image": image}]
        return {"taskDefinition": {"containerDefinitions": containers}}

    def describe_images(self, options: Any) -> Any:
        if not self.images:
            raise Failure("An error occurred (ImageNotFoundException)")
        return {"imageDetails": [{"imageDigest": "sha256:1"}]}

    def describe_secret(self, options: Any) -> Any:
        if options["secret-id"] != "myapp-staging-database-password-3" or not self.password:
            raise Failure("An error occurred (ResourceNotFoundException)")
        return {"CreatedDate": self.password}

    def list_entities_for_policy(self, options: Any) -> Any:
        return {"PolicyUsers": [{"UserName": "deployer"}] if self.key_days else []}

    def list_access_keys(self, options: Any) -> Any:
        keys = [
            {"AccessKeyId": f"AKIA{n}", "Status": "Active", "CreateDate": days_ago(n)}
            for n in self.key_days
        ]
        return {"AccessKeyMetadata": keys}


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staging:
    """AWS, and parameters that have a domain and a role."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "parameters").mkdir()
    (tmp_path / "monitoring.yaml").symlink_to(INFRA / "monitoring.yaml")
    for name in ("staging", "production"):
        content = json.loads((INFRA / "parameters" / f"{name}.json").read_text())
        content["parameters"] |= {
            "GitHubSubject": SUBJECT,
            "DomainName": "staging.example.com",
            "CertificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1",
        }
        (tmp_path / "parameters" / f"{name}.json").write_text(json.dumps(content))
    for module in (doctor_aws, doctor_github):
        monkeypatch.setattr(module, "INFRA", tmp_path)
    return Staging()


def ill(aws: Staging) -> list[str]:
    """Return what is not well in AWS."""
    findings = Examination("staging", lambda region: aws).findings()
    return [str(finding) for finding in findings if finding.state != OK]


# --- AWS


def test_an_environment_that_is_well_has_nothing_to_mend(aws: Staging) -> None:
    assert ill(aws) == []
    assert len(aws.calls) > 10


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            {"statuses": {}},
            "missing    stack myapp-staging-network -> scripts/deploy-infra staging",
        ),
        ({"trusted": ""}, "missing    role myapp-staging-deploy -> scripts/deploy-infra staging"),
        ({"trusted": "repo:acme/*"}, "wrong      role myapp-staging-deploy trusts ['repo:acme/*']"),
        ({"states": {}}, "missing    alarm myapp-staging-unhealthy-targets -> scripts/deploy-inf"),
        ({"runs": f"{ARN}-base:1"}, "missing    myapp-staging-service: nothing was deployed yet"),
        ({"running": 1}, "wrong      myapp-staging-service: 1 of 2 tasks of myapp-staging-task:7"),
        ({"images": False}, "is gone from the registry -> deploy anew"),
        ({"password": ""}, "missing    secret myapp-staging-database-password-3"),
        (
            {"password": days_ago(400)},
            "is 400 days old, and 365 are the limit -> scripts/rotate-secrets staging database",
        ),
        ({"password": 1.6e9}, "scripts/rotate-secrets staging database"),
        (
            {"key_days": [5, 100]},
            "wrong      key AKIA100 of deployer (Active) is 100 days old, and 92 are the limit",
        ),
    ],
)
def test_what_is_not_well_in_aws_is_named_with_what_mends_it(
    aws: Staging, change: dict[str, Any], finding: str
) -> None:
    for name, value in change.items():
        setattr(aws, name, value)
    assert finding in "\n".join(ill(aws))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Status": "PENDING_VALIDATION"}, "is PENDING_VALIDATION: prove that the name is yours"),
        ({"DomainName": "other.example.org"}, "is for other.example.org"),
        ({"NotAfter": days_ago(-10)}, "days, and was not renewed"),
    ],
)
def test_a_certificate_that_does_not_fit_is_wrong(
    aws: Staging, change: dict[str, str], problem: str
) -> None:
    aws.certificate |= change
    (found,) = ill(aws)
    assert problem in found


def test_a_stack_that_is_stuck_is_named_with_its_remedy(aws: Staging) -> None:
    aws.statuses["myapp-staging-data"] = "UPDATE_ROLLBACK_FAILED"
    (found,) = ill(aws)
    assert "aws cloudformation continue-update-rollback --stack-name myapp-staging-data" in found


def test_an_alarm_that_is_on_is_wrong(aws: Staging) -> None:
    aws.states["myapp-staging-unhealthy-targets"] = "ALARM"
    assert ill(aws) == ["wrong      alarm myapp-staging-unhealthy-targets is on: "]


def test_what_may_not_be_asked_keeps_nothing_else_from_being_asked(
    aws: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(options: Any) -> Any:
        raise Failure("An error occurred (AccessDenied)")

    monkeypatch.setattr(aws, "describe_alarms", denied)
    assert ill(aws) == ["not asked  alarms of staging: An error occurred (AccessDenied)"]


# --- GitHub


def examine(github: FakeGitHub) -> list[Finding]:
    return list(doctor_github.examine(github))


@pytest.fixture
def github(api: Any, tmp_path: Path, aws: Staging) -> FakeGitHub:
    """A repository that was configured."""
    github = FakeGitHub(api)
    configure(github, words(values=value_file(tmp_path, VALUES)))
    github.calls.clear()
    return github


def wrong(github: FakeGitHub) -> list[str]:
    return [str(finding) for finding in examine(github) if finding.state != OK]


def test_what_configure_github_set_is_well(github: FakeGitHub) -> None:
    assert wrong(github) == []
    assert github.calls == []


def test_each_secret_and_variable_is_named_with_who_reads_it(github: FakeGitHub) -> None:
    lines = "\n".join(map(str, examine(github)))
    assert "secret SLACK_WEBHOOK_URL of the repository (deploy-prod.yml, deploy-stagi" in lines
    assert "variable APP_URL of production = https://example.com (deploy-prod.yml" in lines
    assert "variable BUILDX_DRIVER: not set, and need not be (deploy-staging.yml)" in lines


def test_a_new_repository_lacks_all_of_it(api: Any, aws: Staging) -> None:
    lines = wrong(FakeGitHub(api))
    configure_it = "-> scripts/configure-github"
    for what in (
        "missing    staging: the variable APP_URL",
        "missing    production: the variable STAGING_URL",
        "missing    ruleset main",
        "wrong      environment production: who approves",
    ):
        assert any(line.startswith(what) and line.endswith(configure_it) for line in lines), what


@pytest.mark.parametrize(
    ("place", "name", "value", "finding"),
    [
        ("actions", "APP_URL", "https://x", "it belongs to staging and production alone"),
        ("environments/production", "STAGING_URL", "https://x", "belongs to the repository alone"),
        ("actions", "ALLOW_FRIDAY_DEPLOY", "true", "-> gh variable delete ALLOW_FRIDAY_DEPLOY"),
    ],
)
def test_a_value_in_the_wrong_place_is_named(
    github: FakeGitHub, place: str, name: str, value: str, finding: str
) -> None:
    github.variables[place][name] = value
    (found,) = wrong(github)
    assert finding in found


def test_keys_beside_a_role_are_wrong(github: FakeGitHub) -> None:
    github.secrets["environments/staging"]["AWS_ACCESS_KEY_ID"] = days_ago(1)
    (found,) = wrong(github)
    assert "nobody needs keys where there is a role" in found
    assert found.endswith("-> gh secret delete AWS_ACCESS_KEY_ID --env staging")


def test_keys_older_than_a_quarter_are_wrong(github: FakeGitHub) -> None:
    github.variables["environments/production"].pop("AWS_ROLE_ARN")
    for name in ("AWS_ACCESS_KEY_ID_PROD", "AWS_SECRET_ACCESS_KEY_PROD"):
        github.secrets["environments/production"][name] = days_ago(93)
    found = wrong(github)
    assert len(found) == 2
    assert found[0].endswith(
        "93 days old, and 92 are the limit -> scripts/rotate-secrets production keys"
    )


def test_a_subject_that_aws_would_not_know_is_wrong(github: FakeGitHub) -> None:
    github.prefix = "repo:acme@1/shop@2"
    found = wrong(github)
    assert len(found) == 2
    assert "GitHubSubject is repo:acme/shop, and GitHub says repo:acme@1/shop@2" in found[0]


def test_a_loosened_protection_is_wrong(github: FakeGitHub) -> None:
    github.environments["production"]["reviewers"] = []
    github.policies["staging"][200] = {"id": 200, "name": "*", "type": "branch"}
    github.rulesets[1]["enforcement"] = "disabled"
    found = "\n".join(wrong(github))
    assert "environment production: who approves" in found
    assert "not so: staging: the branch * may deploy no more" in found
    assert "wrong      ruleset main" in found


def test_pull_requests_that_need_no_approval_are_for_who_works_alone(github: FakeGitHub) -> None:
    configure(github, words(approvals=0))
    assert wrong(github) == []


# --- this machine


def test_a_tool_that_is_missing_is_named_with_where_to_get_it() -> None:
    found = doctor.tool("nonesuch", ["nonesuch"], "https://example.com")
    assert str(found) == "missing    nonesuch -> https://example.com"


def test_a_tool_that_does_not_work_says_why() -> None:
    found = doctor.tool("sh", ["sh", "-c", "echo no engine >&2; exit 1"], "scripts/start-docker")
    assert str(found) == "wrong      sh: no engine -> scripts/start-docker"


def test_what_can_not_be_asked_is_a_finding() -> None:
    def nobody() -> Any:
        yield Finding(OK, "first")
        raise Failure("no credentials")

    assert [finding.state for finding in asked("x", nobody)] == [OK, NOT_ASKED]


def run(*given: str, path: str = "") -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GH_"))}
    if path:
        environ["PATH"] = path
    return subprocess.run(
        ["scripts/doctor", *given], cwd=ROOT, env=environ, capture_output=True, text=True
    )


def test_what_could_not_be_asked_is_no_pass(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "git"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / "python3").symlink_to(sys.executable)
    done = run("github", "staging", "--repository", "acme/shop", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "GitHub:",
        "  not asked  github: GitHub's CLI, gh, is missing: https://cli.github.com",
        "AWS: staging:",
        "  not asked  staging: the AWS CLI is missing: https://docs.aws.amazon.com/cli/latest/"
        "userguide/getting-started-install.html",
        "0 ok, 2 not",
    ]


def test_a_part_that_there_is_not_is_refused() -> None:
    done = run("githubb")
    assert done.returncode == 2
    assert "githubb: the parts are machine, github, staging, production" in done.stderr


def test_states_are_told_apart_at_a_glance() -> None:
    assert [str(Finding(state, "x")).index("x") for state in (OK, MISSING, WRONG, NOT_ASKED)] == [
        11
    ] * 4
