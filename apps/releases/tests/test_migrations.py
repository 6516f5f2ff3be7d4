from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations import RunPython
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MigrateTo = Callable[[str], Any]


@pytest.fixture
def migrate_to(transactional_db: None) -> Iterator[MigrateTo]:
    """Return a function that migrates and returns the model of that time."""

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


def test_history_survives_the_way_to_the_present_table(migrate_to: MigrateTo) -> None:
    first = migrate_to("0001_initial")
    create(first, "1.0", NOON, ended=NOON + HOUR, is_live=False)
    create(first, "1.1", NOON + HOUR, is_live=True)
    expected = {"1.0": ("superseded", NOON + HOUR), "1.1": ("live", None)}
    assert outcomes(migrate_to("0002_release_outcome")) == expected
    assert outcomes(migrate_to("0003_one_live_release")) == expected


def test_code_before_the_expansion_goes_on_inserting(migrate_to: MigrateTo) -> None:
    before = migrate_to("0001_initial")
    migrate_to("0002_release_outcome")
    create(before, "1.0", NOON, ended=NOON + HOUR, is_live=False)
    create(before, "1.1", NOON + HOUR, is_live=True)
    assert outcomes(migrate_to("0003_one_live_release")) == {
        "1.0": ("superseded", NOON + HOUR),
        "1.1": ("live", None),
    }


def test_code_before_the_contraction_goes_on_inserting(migrate_to: MigrateTo) -> None:
    before = migrate_to("0002_release_outcome")
    migrate_to("0003_one_live_release")
    create(before, "1.0", NOON, outcome="live")
    assert outcomes(before) == {"1.0": ("live", None)}


def test_contraction_ends_all_but_the_newest_live_release(migrate_to: MigrateTo) -> None:
    expanded = migrate_to("0002_release_outcome")
    for n in range(3):
        create(expanded, f"1.{n}", NOON + n * HOUR)
    assert outcomes(migrate_to("0003_one_live_release")) == {
        "1.0": ("superseded", NOON + HOUR),
        "1.1": ("superseded", NOON + 2 * HOUR),
        "1.2": ("live", None),
    }


def test_way_back_tells_what_is_live(migrate_to: MigrateTo) -> None:
    present = migrate_to("0003_one_live_release")
    create(present, "1.0", NOON, ended=NOON + HOUR, outcome="rolled-back")
    create(present, "1.1", NOON + HOUR, outcome="live")
    first = migrate_to("0001_initial")
    assert set(first.objects.values_list("version", "is_live")) == {("1.0", False), ("1.1", True)}


def test_migration_has_one_schema_change_or_data_steps() -> None:
    older_than_the_rule = {"0002_release_outcome", "0003_one_live_release"}
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        if app == "releases" and name not in older_than_the_rule:
            steps = migration.operations
            assert len(steps) == 1 or all(isinstance(step, RunPython) for step in steps), name
