from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from apps.releases.models import Outcome, Release
from apps.releases.receivers import is_lower

pytestmark = pytest.mark.django_db


CREATED = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def image(settings: Settings) -> None:
    settings.APP_VERSION, settings.APP_COMMIT = "1.4.0", "9f3c1b7"
    settings.APP_CREATED = CREATED


def migrate() -> None:
    call_command("migrate", verbosity=0)


@pytest.mark.usefixtures("image")
def test_migrating_records_the_release() -> None:
    migrate()
    live = Release.objects.live_in("test")
    assert live and (live.version, live.commit) == ("1.4.0", "9f3c1b7")
    assert live.committed == CREATED


@pytest.mark.usefixtures("image")
def test_migrating_twice_records_once() -> None:
    migrate()
    migrate()
    assert Release.objects.count() == 1


def test_older_version_on_a_newer_schema_is_recorded_as_a_rollback(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    MigrationRecorder(connection).record_applied("releases", "0099_of_a_later_version")
    for settings.APP_VERSION, settings.APP_COMMIT in (
        ("v1.10.0", "9f3c1b7"),
        ("v1.9.2", "0a1b2c3"),
    ):
        call_command("migrate")
    assert "No migrations to apply." in capsys.readouterr().out
    assert Release.objects.get(version="v1.10.0").outcome == Outcome.ROLLED_BACK
    applied = MigrationRecorder(connection).applied_migrations()
    assert ("releases", "0099_of_a_later_version") in applied


@pytest.mark.parametrize(
    ("version", "other", "lower"),
    [
        ("v1.2.3", "v1.2.10", True),
        ("1.2.3", "v2.0.0", True),
        ("v1.2.3", "v1.2.3", False),
        ("v1.3.0", "v1.2.9", False),
        ("9f3c1b7", "v1.2.3", False),
        ("v1.2.3", "9f3c1b7", False),
    ],
)
def test_only_versions_can_be_lower(version: str, other: str, lower: bool) -> None:
    assert is_lower(version, other) is lower


@pytest.mark.parametrize("name", ["APP_VERSION", "APP_COMMIT"])
@pytest.mark.usefixtures("image")
def test_unknown_image_is_not_recorded(settings: Settings, name: str) -> None:
    setattr(settings, name, "unknown")
    migrate()
    assert not Release.objects.exists()


@pytest.mark.usefixtures("image")
def test_nothing_is_recorded_while_a_migration_is_pending() -> None:
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("releases")
    MigrationRecorder(connection).record_unapplied(*newest)
    call_command("migrate", "auth", verbosity=0)
    assert not Release.objects.exists()


class Elsewhere:
    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return app_label != "releases"


@pytest.mark.usefixtures("image")
def test_nothing_is_recorded_in_a_database_without_the_table(settings: Settings) -> None:
    settings.DATABASE_ROUTERS = [Elsewhere()]
    migrate()
    assert not Release.objects.exists()
