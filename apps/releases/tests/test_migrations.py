from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations import RunPython, SeparateDatabaseAndState
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MigrateTo = Callable[[str], Any]


@pytest.fixture
def migrate_to(transactional_db: None) -> Iterator[MigrateTo]:
    """Return a function that migrates to a state and returns the model of that state."""

    def to(name: str) -> Any:
        call_command("migrate", "releases", name, verbosity=0)
        state = MigrationExecutor(connection).loader.project_state([("releases", name)])
        return state.apps.get_model("releases", "Release")

    yield to
    call_command("migrate", "releases", verbosity=0)


def create(model: Any, version: str, started: datetime, **fields: Any) -> None:
    model.objects.create(
        version=version, commit="abc", environment="test", started=started, **fields
    )


def outcomes(model: Any) -> dict[str, tuple[str, datetime | None]]:
    rows = model.objects.values_list("version", "outcome", "ended")
    return {version: (outcome, ended) for version, outcome, ended in rows}


def test_history_survives_all_migrations(migrate_to: MigrateTo) -> None:
    first = migrate_to("0001_initial")
    create(first, "1.0", NOON, ended=NOON + HOUR, is_live=False)
    create(first, "1.1", NOON + HOUR, is_live=True)
    expected = {"1.0": ("superseded", NOON + HOUR), "1.1": ("live", None)}
    assert outcomes(migrate_to("0003_fill_outcome")) == expected
    assert outcomes(migrate_to("0010_one_live_release")) == expected


def test_rows_that_the_old_code_writes_during_the_deploy_are_filled_in(
    migrate_to: MigrateTo,
) -> None:
    first = migrate_to("0001_initial")
    migrate_to("0003_fill_outcome")
    create(first, "1.0", NOON, ended=NOON + HOUR, is_live=False)
    create(first, "1.1", NOON + HOUR, is_live=True)
    assert outcomes(migrate_to("0004_fill_outcome_again")) == {
        "1.0": ("superseded", NOON + HOUR),
        "1.1": ("live", None),
    }


def test_code_without_the_flag_can_still_insert(migrate_to: MigrateTo) -> None:
    before = migrate_to("0006_forget_is_live")
    create(before, "1.0", NOON, outcome="live")
    migrate_to("0007_drop_is_live")
    create(before, "1.1", NOON + HOUR, outcome="live")
    assert set(outcomes(before)) == {"1.0", "1.1"}


def test_all_live_releases_but_the_newest_are_ended(migrate_to: MigrateTo) -> None:
    before = migrate_to("0007_drop_is_live")
    for n in range(3):
        create(before, f"1.{n}", NOON + n * HOUR)
    assert outcomes(migrate_to("0010_one_live_release")) == {
        "1.0": ("superseded", NOON + HOUR),
        "1.1": ("superseded", NOON + 2 * HOUR),
        "1.2": ("live", None),
    }


def test_reversed_migrations_restore_the_flag(migrate_to: MigrateTo) -> None:
    present = migrate_to("0010_one_live_release")
    create(present, "1.0", NOON, ended=NOON + HOUR, outcome="rolled-back")
    create(present, "1.1", NOON + HOUR, outcome="live")
    first = migrate_to("0001_initial")
    assert set(first.objects.values_list("version", "is_live")) == {("1.0", False), ("1.1", True)}


def test_migration_has_one_schema_change_or_data_steps() -> None:
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        if app == "releases":
            steps = [step for step in migration.operations if not is_of_state_alone(step)]
            assert len(steps) <= 1 or all(isinstance(step, RunPython) for step in steps), name


def is_of_state_alone(step: Operation) -> bool:
    return isinstance(step, SeparateDatabaseAndState) and not step.database_operations
