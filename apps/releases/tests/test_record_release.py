from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.releases.models import Outcome, Release

pytestmark = pytest.mark.django_db


def test_release_is_recorded_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("record_release", "1.4.0", "9f3c1b7ad0")
    assert capsys.readouterr().out == "1.4.0 in test (9f3c1b7a) is live now.\n"
    assert Release.objects.live_in("test")


def test_live_release_is_reported_as_live_already(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        call_command("record_release", "1.4.0", "9f3c1b7")
    assert "was live already" in capsys.readouterr().out.splitlines()[1]


def test_rollback_is_recorded() -> None:
    call_command("record_release", "1.4.0", "9f3c1b7")
    call_command("record_release", "1.3.0", "0a1b2c3", rollback=True)
    assert Release.objects.get(version="1.4.0").outcome == Outcome.ROLLED_BACK


def test_another_environment_can_be_given() -> None:
    call_command("record_release", "1.4.0", "9f3c1b7", "--environment=staging")
    assert Release.objects.live_in("staging")


def test_the_running_image_is_recorded_by_default(settings: Settings) -> None:
    settings.APP_VERSION, settings.APP_COMMIT = "1.4.0", "9f3c1b7"
    settings.APP_CREATED = datetime(2026, 1, 1, 12, tzinfo=UTC)
    call_command("record_release")
    release = Release.objects.get(version="1.4.0", commit="9f3c1b7")
    assert release.committed == settings.APP_CREATED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "version: Must be one word"),
        (["1.4.0"], "COMMIT is missing"),
        (["", "9f3c1b7"], "version: This field cannot be blank"),
        (["1.4.0", "9f3 c1b7"], "commit: Must be one word"),
        (["1" * 129, "9f3c1b7"], "version: .* at most 128 characters"),
        (["1.4.0", "9f3c1b7", "--environment=\n"], "environment: Must be one word"),
    ],
)
def test_bad_input_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("record_release", *arguments)
    assert not Release.objects.exists()
