import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from apps.releases.models import Release

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(settings: Settings) -> None:
    settings.APP_VERSION, settings.APP_COMMIT = "1.4.0", "9f3c1b7"


def migrate() -> None:
    call_command("migrate", verbosity=0)


@pytest.mark.usefixtures("image")
def test_migrating_records_what_is_deployed() -> None:
    migrate()
    live = Release.objects.live_in("test")
    assert live and (live.version, live.commit) == ("1.4.0", "9f3c1b7")


@pytest.mark.usefixtures("image")
def test_migrating_twice_records_once() -> None:
    migrate()
    migrate()
    assert Release.objects.count() == 1


@pytest.mark.parametrize("name", ["APP_VERSION", "APP_COMMIT"])
@pytest.mark.usefixtures("image")
def test_unknown_image_is_not_recorded(settings: Settings, name: str) -> None:
    setattr(settings, name, "unknown")
    migrate()
    assert not Release.objects.exists()


@pytest.mark.usefixtures("image")
def test_nothing_is_recorded_while_a_migration_is_pending() -> None:
    MigrationRecorder(connection).record_unapplied("releases", "0004_statistics_flag")
    call_command("migrate", "auth", verbosity=0)
    assert not Release.objects.exists()


class Elsewhere:
    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        return app_label != "releases"


@pytest.mark.usefixtures("image")
def test_nothing_is_recorded_where_the_table_does_not_belong(settings: Settings) -> None:
    settings.DATABASE_ROUTERS = [Elsewhere()]
    migrate()
    assert not Release.objects.exists()
