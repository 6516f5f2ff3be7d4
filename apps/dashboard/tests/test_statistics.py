from datetime import UTC, datetime, timedelta

import pytest

from apps.dashboard.statistics import median_live
from apps.releases.models import Release
from apps.releases.tests.conftest import MakeReleases

pytestmark = pytest.mark.django_db


def test_time_live_counts_releases_that_started_since_and_have_ended(
    make_releases: MakeReleases,
) -> None:
    releases = make_releases(11)
    Release.objects.filter(pk=releases[0].pk).update(ended=datetime.now(UTC))
    assert median_live(Release.objects.all(), since=releases[1].started) == timedelta(hours=1)


def test_time_live_without_releases_is_unknown() -> None:
    assert median_live(Release.objects.all(), since=datetime.now(UTC)) is None
