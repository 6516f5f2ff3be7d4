"""scripts/doctor staging: what is missing or wrong in AWS, and what fixes it."""

from pathlib import Path
from typing import Any

import pytest

from delivery.doctor import doctor_aws
from delivery.doctor.doctor_aws import Examination
from delivery.doctor.findings import OK
from delivery.errors import Failure
from tests.delivery.fake_staging import ARN, SERVICE, Staging, days_ago, named_in


def ill(staging: Staging) -> list[str]:
    """Return the findings that are not good."""
    findings = Examination("staging", lambda region: staging).findings()
    return [str(finding) for finding in findings if finding.state != OK]


def test_a_healthy_environment_has_no_problems(staging: Staging) -> None:
    assert ill(staging) == []
    assert len(staging.calls) > 10


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            {"statuses": {}},
            "missing    stack myapp-staging-network -> scripts/deploy-infra staging",
        ),
        ({"trusted": ""}, "missing    role myapp-staging-deploy -> scripts/deploy-infra staging"),
        ({"trusted": "repo:acme/*"}, "wrong      role myapp-staging-deploy trusts ['repo:acme/*']"),
        ({"provider": "other.example.com"}, "missing    identity provider token.actions.github"),
        ({"states": {}}, "missing    alarm myapp-staging-unhealthy-targets -> scripts/deploy-inf"),
        ({"runs": f"{ARN}-base:1"}, "missing    myapp-staging-service: nothing was deployed yet"),
        ({"runs": ""}, "missing    myapp-staging-service -> scripts/deploy-infra staging"),
        ({"running": 1}, "wrong      myapp-staging-service: 1 of 2 tasks of myapp-staging-task:7"),
        (
            {"recorded": ""},
            "missing    scaling of myapp-staging-service: no minimum yet, so no tasks are removed",
        ),
        ({"images": False}, "is no longer in the registry -> deploy again"),
        ({"password": ""}, "missing    secret myapp-staging-database-password-3"),
        (
            {"password": days_ago(400)},
            "is 400 days old; the limit is 365 -> scripts/rotate-secrets staging database",
        ),
        ({"password": 1.6e9}, "scripts/rotate-secrets staging database"),
        (
            {"key_days": [5, 100]},
            "wrong      key AKIA100 of deployer is 100 days old; the limit is 92",
        ),
    ],
)
def test_a_problem_in_aws_is_reported_with_its_fix(
    staging: Staging, change: dict[str, Any], finding: str
) -> None:
    for name, value in change.items():
        setattr(staging, name, value)
    assert finding in "\n".join(ill(staging))


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        (
            {"variables": set(named_in(SERVICE, "Value")) - {"LOG_LEVEL"}},
            "missing    LOG_LEVEL in myapp-staging-task-base -> scripts/deploy-infra staging",
        ),
        (
            {"untold": {"SECRET_KEY"}},
            "missing    SECRET_KEY in myapp-staging-task:7, which runs -> a merge",
        ),
        (
            {"secrets": {"SECRET_KEY"}, "secret": {}},
            "missing    the secret that tasks read as SECRET_KEY, myapp-secret ->"
            " scripts/deploy-infra staging",
        ),
        (
            {"secrets": {"SECRET_KEY"}, "secret": {"DeletedDate": "2026-11-26T12:00:00Z"}},
            "wrong      the secret that tasks read as SECRET_KEY, myapp-secret, is to be deleted"
            " -> aws secretsmanager restore-secret --region us-east-1 --secret-id myapp-secret",
        ),
    ],
)
def test_a_variable_or_secret_that_a_task_lacks_is_named(
    staging: Staging, change: dict[str, Any], findings: str
) -> None:
    for name, value in change.items():
        setattr(staging, name, value)
    assert findings in ill(staging)


def test_a_secret_that_waits_for_its_value_is_named_until_somebody_puts_it_in(
    staging: Staging,
) -> None:
    staging.secret["Tags"] = [{"Key": "value", "Value": "by-hand"}]
    found = ill(staging)
    assert len(found) == len(staging.secrets)
    assert found[0].startswith("missing    the value that tasks read as DATABASE_URL, myapp-secret")
    assert found[0].endswith("--secret-id myapp-secret --secret-string file:///dev/stdin")
    staging.secret["VersionIdsToStages"]["2"] = ["AWSPREVIOUS"]
    assert ill(staging) == []


@pytest.mark.parametrize(("tasks", "findings"), [(1, 0), (0, 1)])
def test_a_worker_without_tasks_is_wrong(staging: Staging, tasks: int, findings: int) -> None:
    staging.worker = tasks
    assert ill(staging) == ["wrong      myapp-staging-worker: 0 of 1 tasks of x:4"] * findings


def test_environments_in_two_regions_are_wrong(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apart(folder: Path) -> None:
        raise Failure("region is us-east-1 in staging.json and eu-west-1 in production.json")

    monkeypatch.setattr(doctor_aws, "check_one_place", apart)
    (found,) = ill(staging)
    assert found.startswith("wrong      region is us-east-1")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Status": "PENDING_VALIDATION"}, "is PENDING_VALIDATION: prove that you own the name"),
        ({"DomainName": "other.example.org"}, "does not cover it, only other.example.org"),
        ({"NotAfter": days_ago(-10)}, "days, and was not renewed"),
    ],
)
def test_an_unsuitable_certificate_is_wrong(
    staging: Staging, change: dict[str, str], problem: str
) -> None:
    staging.certificate |= change
    (found,) = ill(staging)
    assert problem in found


def drift(kind: str, status: str, *paths: str) -> dict[str, Any]:
    return {
        "StackId": "myapp-staging-service",
        "LogicalResourceId": "Thing",
        "ResourceType": kind,
        "StackResourceDriftStatus": status,
        "PropertyDifferences": [{"PropertyPath": path} for path in paths],
    }


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (
            drift("AWS::ECS::Service", "MODIFIED", "/DesiredCount", "/LaunchType"),
            "wrong      Thing of myapp-staging-service differs from its template in LaunchType",
        ),
        (
            drift("AWS::IAM::Role", "DELETED"),
            "wrong      Thing of myapp-staging-service was deleted outside CloudFormation",
        ),
    ],
)
def test_a_change_outside_the_template_is_wrong(
    staging: Staging, found: dict[str, Any], problem: str
) -> None:
    staging.drifts = [found]
    (line,) = ill(staging)
    assert line.startswith(problem)


def test_changes_by_deploys_and_scaling_are_ok(staging: Staging) -> None:
    staging.drifts = [drift("AWS::ECS::Service", "MODIFIED", "/DesiredCount", "/TaskDefinition")]
    assert ill(staging) == []


def test_a_failed_drift_detection_is_reported(staging: Staging) -> None:
    staging.detection = ["DETECTION_FAILED"]
    assert ill(staging) == ["not asked  drift of staging -> myapp-staging-network: denied"]


def test_certificates_that_rds_does_not_publish_are_wrong(staging: Staging) -> None:
    first = staging.bundle.split(b"-----END CERTIFICATE-----")[0] + b"-----END CERTIFICATE-----"
    staging.bundle = first
    (found,) = ill(staging)
    assert "has 28 certificates that RDS does not publish" in found


def test_a_missing_certificate_of_a_region_is_reported_with_its_source(
    staging: Staging,
) -> None:
    staging.bundle = b"-----BEGIN CERTIFICATE-----\nnew\n-----END CERTIFICATE-----"
    found = ill(staging)[0]
    assert (
        "has no certificate of RDS for us-east-1 -> add the RSA2048 certificate of https" in found
    )


def test_a_stuck_stack_is_reported_with_its_remedy(staging: Staging) -> None:
    staging.statuses["myapp-staging-data"] = "UPDATE_ROLLBACK_FAILED"
    (found,) = ill(staging)
    assert "aws cloudformation continue-update-rollback --stack-name myapp-staging-data" in found


def test_an_active_alarm_is_wrong(staging: Staging) -> None:
    staging.states["myapp-staging-unhealthy-targets"] = "ALARM"
    assert ill(staging) == ["wrong      alarm myapp-staging-unhealthy-targets is on: "]


def test_a_denied_request_does_not_stop_other_checks(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(options: Any) -> Any:
        raise Failure("An error occurred (AccessDenied)")

    monkeypatch.setattr(staging, "describe_alarms", denied)
    assert ill(staging) == ["not asked  alarms of staging -> An error occurred (AccessDenied)"]
