"""scripts/report-outcome: it says what runs after a deploy."""

import pytest

from delivery.deploy.report_outcome import outcome


@pytest.mark.parametrize(
    ("status", "moved", "rolled_back", "said"),
    [
        ("success", True, "", "deployed"),
        ("failure", False, "", "FAILED before the service moved: the previous version still runs"),
        (
            "cancelled",
            False,
            "",
            "FAILED before the service moved: the previous version still runs",
        ),
        ("failure", True, "verified", "FAILED and rolled back: the previous version runs again"),
        ("failure", True, "as ECS says, but x", "FAILED and rolled back, as ECS says, but x"),
        ("failure", True, "", "FAILED, and the rollback FAILED too: check what runs"),
        ("cancelled", True, "", "FAILED, and the rollback FAILED too: check what runs"),
    ],
)
def test_the_outcome_says_which_version_runs(
    status: str, moved: bool, rolled_back: str, said: str
) -> None:
    assert outcome(status, moved, rolled_back) == said
