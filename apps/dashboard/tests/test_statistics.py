from datetime import UTC, datetime, timedelta

import pytest

from apps.dashboard.statistics import statistics
from apps.releases.models import Release
from apps.releases.tests.conftest import MakeReleases

pytestmark = pytest.mark.django_db


def test_statistics_sum_up_what_started_since(make_releases: MakeReleases) -> None:
    releases = make_releases(11)
    found = statistics(Release.objects.all(), since=releases[1].started)
    assert (found.releases, found.rolled_back_percent) == (10, 30)
    assert found.median_live == timedelta(hours=1)


def test_statistics_of_nothing() -> None:
    assert statistics(Release.objects.all(), since=datetime.now(UTC)) == (0, 0, None)
