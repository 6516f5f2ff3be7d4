"""No deploy replaces what runs by something older: jobs that passed long ago prove nothing."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.aws.ecs import Service
from delivery.deploy.check_downgrade import check
from delivery.errors import Failure
from delivery.paths import WORKFLOWS
from tests.delivery import fake_ecs
from tests.delivery.fake_ecs import ARN, BASE, VERSIONS, FakeEcs
from tests.delivery.git_repository import commit, git

FAMILY = "myapp-staging-task"


def service_that_runs(number: int) -> Service:
    return Service(FakeEcs(f"{ARN}:{number}"), "myapp-staging-cluster", "myapp-staging-service")


def test_a_lower_version_is_refused() -> None:
    with pytest.raises(Failure, match=r"runs v1.2.2 .*, and v1.2.1 is a lower version. To go back"):
        check(service_that_runs(7), FAMILY, "v1.2.1")


@pytest.mark.parametrize("version", ["v1.2.2", "v1.2.3", "v1.10.0"])
def test_the_same_or_a_higher_version_is_accepted(version: str) -> None:
    check(service_that_runs(7), FAMILY, version)


def test_the_first_version_is_accepted() -> None:
    check(Service(FakeEcs(BASE), "cluster", "service"), FAMILY, "v0.0.1")


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return three commits, one on top of the other; the service runs the second."""
    git(tmp_path, "init", "--quiet")
    found = []
    for number in range(3):
        commit(tmp_path, file=str(number))
        found.append(git(tmp_path, "rev-parse", "HEAD"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(VERSIONS, 7, found[1])
    monkeypatch.setattr(fake_ecs, "commit", lambda number: found[1] if number == 7 else "f" * 40)
    return found


def test_a_commit_that_the_running_commit_contains_is_refused(history: list[str]) -> None:
    with pytest.raises(Failure, match=f"contains {history[0][:12]} already"):
        check(service_that_runs(7), FAMILY, history[0])


@pytest.mark.parametrize("position", [1, 2])
def test_the_same_or_a_newer_commit_is_accepted(history: list[str], position: int) -> None:
    check(service_that_runs(7), FAMILY, history[position])


def test_a_running_commit_that_the_clone_lacks_blocks_nothing(history: list[str]) -> None:
    check(service_that_runs(6), FAMILY, history[0])


def steps_of(workflow: str) -> list[dict[str, Any]]:
    jobs = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]
    return list(jobs["deploy"]["steps"])


@pytest.mark.parametrize(
    ("workflow", "first_change"),
    [("deploy-staging.yml", "Find image"), ("deploy-prod.yml", "Promote image")],
)
def test_a_deploy_checks_for_a_downgrade_before_it_changes_anything(
    workflow: str, first_change: str
) -> None:
    names = [step.get("name", "") for step in steps_of(workflow)]
    assert names.index("Check for a downgrade") < names.index(first_change)


def test_staging_checks_out_the_whole_history() -> None:
    checkout = steps_of("deploy-staging.yml")[0]
    assert checkout["with"]["fetch-depth"] == 0


def test_only_a_redeploy_by_hand_may_downgrade() -> None:
    (step,) = [s for s in steps_of("deploy-prod.yml") if s.get("name") == "Check for a downgrade"]
    assert "github.event_name == 'push'" in step["if"]


def test_a_redeploy_by_hand_does_not_wait_for_an_unapproved_release() -> None:
    job = yaml.safe_load((WORKFLOWS / "deploy-prod.yml").read_text())["jobs"]["deploy"]
    assert job["concurrency"]["group"] == (
        "deploy-production${{ inputs.version && '-by-hand' || '' }}"
    )
