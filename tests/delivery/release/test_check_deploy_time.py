"""scripts/check-deploy-time: nothing goes to production from Friday noon."""

from datetime import UTC, datetime

import pytest

from delivery.errors import Failure
from delivery.release.check_deploy_time import check as check_time

FRIDAY_NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_FRIDAY_DEPLOY", "")
    monkeypatch.setenv("DEPLOY_TIME_ZONE", "")


def test_a_friday_afternoon_is_refused() -> None:
    with pytest.raises(Failure, match="it is Friday, 12:00 UTC: wait until Monday"):
        check_time(FRIDAY_NOON)


@pytest.mark.parametrize("moment", [FRIDAY_NOON.replace(hour=11), FRIDAY_NOON.replace(day=29)])
def test_another_time_is_accepted(moment: datetime) -> None:
    check_time(moment)


def test_a_hotfix_is_accepted_on_friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_FRIDAY_DEPLOY", "true")
    check_time(FRIDAY_NOON)


def test_the_time_zone_decides_when_it_is_friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TIME_ZONE", "America/New_York")
    check_time(FRIDAY_NOON)
    monkeypatch.setenv("DEPLOY_TIME_ZONE", "Nowhere/../x")
    with pytest.raises(Failure, match="which is not a time zone"):
        check_time(FRIDAY_NOON)
