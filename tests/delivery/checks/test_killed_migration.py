"""A migration that is killed half-way, on a database that does not undo DDL."""

import os
import select
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import MySQLdb
import pytest

from delivery.checks import imported_project
from delivery.checks.check_rollback import at, databases
from tests.small_project import PROJECT, write

NAME = f"killed_{os.getpid()}"
# It waits to be killed where there is somebody at the other end of the pipe.
MIGRATION = """\
import os, time
from django.db import migrations, models
def pause(apps, schema_editor):
    apps.get_model("things", "Thing").objects.using("default").update(name="changed")
    if os.path.exists("half way"):
        with open("half way", "w") as pipe:
            pipe.write("here")
        time.sleep(600)
class Migration(migrations.Migration):
    dependencies = [("things", "{before}")]
    operations = [{operations}]
"""
ONE = 'migrations.AddField("thing", "one", models.IntegerField(null=True))'
HALF_WAY = "migrations.RunPython(pause)"
TWO = 'migrations.AddField("thing", "two", models.IntegerField(null=True))'


@dataclass
class Imported:
    """The sample project's code, the process that runs its commands, and its output."""

    folder: Path
    commands: imported_project.Project
    output: Path


@dataclass
class Project:
    """The sample project with a database."""

    code: Imported
    connection: MySQLdb.Connection

    def migrate_to_the_end(self, *words: str) -> tuple[int, str]:
        self.code.output.write_text("")
        code = self.code.commands.run(NAME, "migrate", *words)
        return code, self.code.output.read_text()

    def kill_half_way(self, *migrations: str) -> None:
        """Migrate in this order, until the process is killed between ONE and TWO."""
        self.add(*migrations)
        path = self.code.folder / "half way"
        os.mkfifo(path)
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        process = self.code.commands.start(NAME, "migrate")
        assert select.select([pipe], [], [], 60)[0], self.code.output.read_text()
        os.kill(process, signal.SIGKILL)
        assert self.code.commands.wait() == -signal.SIGKILL
        os.close(pipe)
        path.unlink()

    def add(self, *migrations: str) -> None:
        before = "0001_initial"
        for number, operations in enumerate(migrations, 2):
            name = f"{number:04}_step"
            text = MIGRATION.format(before=before, operations=operations)
            write(self.code.folder, **{f"apps/things/migrations/{name}.py": text})
            before = name

    def columns(self) -> list[str]:
        return self.ask("SHOW COLUMNS FROM things_thing")

    def names(self) -> list[str]:
        return self.ask("SELECT name FROM things_thing")

    def ask(self, sql: str) -> list[str]:
        cursor = self.connection.cursor()
        cursor.execute(sql)
        return [str(row[0]) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    """The project's code, imported once for all tests."""
    folder = tmp_path_factory.mktemp("project")
    write(folder, **PROJECT)
    variables = os.environ | {
        "DATABASE_URL": at(os.environ["DATABASE_URL"], NAME),
        "DJANGO_SETTINGS_MODULE": "myproject.settings.test",
        "PYTHONPATH": "",
        # Else Python may take a migration for one that a test before wrote in the same second.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    output = folder / "output"
    with (
        output.open("a") as file,
        imported_project.imported(folder, sys.executable, variables, file) as commands,
    ):
        yield Imported(folder, commands, output)


@pytest.fixture
def project(imported: Imported) -> Iterator[Project]:
    """The project in its first version, with a row in its table."""
    for migration in imported.folder.glob("apps/things/migrations/*_step.py"):
        migration.unlink()
    with databases(os.environ["DATABASE_URL"], NAME) as connection:
        connection.select_db(NAME)
        project = Project(imported, connection)
        code, said = project.migrate_to_the_end()
        assert code == 0, said
        project.ask("INSERT INTO things_thing (name) VALUES ('old')")
        yield project


def test_after_a_kill_a_migration_with_two_schema_changes_needs_a_person(project: Project) -> None:
    project.kill_half_way(f"{ONE}, {HALF_WAY}, {TWO}")
    assert project.columns() == ["id", "name", "one"]
    code, said = project.migrate_to_the_end()
    assert (code, "Duplicate column name 'one'" in said) == (1, True), said
    # What docs/migrations.md says: take back what is done, and migrate again.
    project.ask("ALTER TABLE things_thing DROP one")
    code, said = project.migrate_to_the_end()
    assert (code, project.columns()) == (0, ["id", "name", "one", "two"]), said


def test_after_a_kill_migrations_with_one_schema_change_each_continue(project: Project) -> None:
    project.kill_half_way(ONE, HALF_WAY, TWO)
    assert project.columns() == ["id", "name", "one"]
    code, said = project.migrate_to_the_end()
    assert (code, project.columns()) == (0, ["id", "name", "one", "two"]), said
    assert project.names() == ["changed"]


def test_an_unrecorded_schema_change_is_recorded_by_hand(project: Project) -> None:
    project.add(ONE, TWO)
    project.ask("ALTER TABLE things_thing ADD one int NULL")
    code, said = project.migrate_to_the_end()
    assert (code, "Duplicate column name 'one'" in said) == (1, True), said
    project.migrate_to_the_end("things", "0002_step", "--fake")
    code, said = project.migrate_to_the_end()
    assert (code, project.columns()) == (0, ["id", "name", "one", "two"]), said


def test_a_killed_data_migration_changes_nothing(project: Project) -> None:
    project.kill_half_way(HALF_WAY)
    # The server notices at once that the connection is gone, or soon.
    project.ask("SET innodb_lock_wait_timeout = 60")
    project.ask("SELECT name FROM things_thing FOR UPDATE")
    assert project.names() == ["old"]
