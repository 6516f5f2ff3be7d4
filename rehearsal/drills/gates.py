"""Gates: the steps of workflows that must stop a fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """A step of a workflow: file, job, name."""

    workflow: str
    job: str
    step: str

    def __str__(self) -> str:
        return f"{self.job}: {self.step}"


TEST, STAGING, PRODUCTION = "test.yml", "deploy-staging.yml", "deploy-prod.yml"


def lint(step: str) -> Gate:
    return Gate(TEST, "lint", step)


def service(step: str) -> Gate:
    return Gate(TEST, "test", step)


def security(step: str) -> Gate:
    return Gate(TEST, "security", step)


NOT_OLDER = Gate(STAGING, "deploy", "Check for a downgrade")
BUILD = Gate(STAGING, "deploy", "Build, tag, and push image to ECR")
MIGRATE = Gate(STAGING, "deploy", "Run database migrations")
DEPLOY = Gate(STAGING, "deploy", "Deploy to ECS")
VERIFY = Gate(STAGING, "deploy", "Verify deployment")
WATCH = Gate(STAGING, "deploy", "Watch deployment")
CHECK_RELEASE = Gate(PRODUCTION, "check", "Extract version from tag")
CHECK_TIME = Gate(PRODUCTION, "check", "Check day and hour")
NOT_LOWER = Gate(PRODUCTION, "deploy", "Check for a downgrade")
FINDINGS = Gate(PRODUCTION, "deploy", "Check image findings")
PROMOTE = Gate(PRODUCTION, "deploy", "Promote image")

# The rehearsal asks its user instead of the reviewers of GitHub's environment.
APPROVE = Gate(PRODUCTION, "deploy", "approval")
