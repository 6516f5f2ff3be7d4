from datetime import UTC, datetime, timedelta

import pytest

from apps.releases.figures import Figures, figures
from apps.releases.models import Outcome, Release

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(hours: int, outcome: Outcome, lead: timedelta | None = None) -> None:
    """Record a release that began some hours after noon and was live for one."""
    started = NOON + hours * HOUR
    Release.objects.create(
        version=f"1.{hours}",
        commit="abc",
        committed=started - lead if lead else None,
        environment="test",
        started=started,
        ended=None if outcome == Outcome.LIVE else started + HOUR,
        outcome=outcome,
    )


def found(since: datetime = NOON) -> Figures:
    return figures(Release.objects.all(), since)


def test_figures_without_releases_are_unknown() -> None:
    assert found() == (0, None, 0, None)
    assert found().failed_percent is None


def test_a_rollback_is_not_a_deployment() -> None:
    for hours, outcome in enumerate(
        (Outcome.SUPERSEDED, Outcome.ROLLED_BACK, Outcome.SUPERSEDED, Outcome.LIVE)
    ):
        record(hours, outcome)
    assert (found().deployments, found().failed, found().failed_percent) == (3, 1, 33)


def test_recovery_time_ends_when_the_previous_version_runs_again() -> None:
    record(0, Outcome.ROLLED_BACK)
    assert found().recovery_time == HOUR


def test_lead_time_is_the_median_of_the_commits_with_a_time() -> None:
    for hours, lead in enumerate((HOUR, 2 * HOUR, 9 * HOUR, None)):
        record(hours, Outcome.SUPERSEDED, lead)
    assert found().lead_time == 2 * HOUR


def test_a_release_that_began_earlier_is_not_counted() -> None:
    record(0, Outcome.ROLLED_BACK)
    record(1, Outcome.LIVE)
    assert found(since=NOON + HOUR).deployments == 0
