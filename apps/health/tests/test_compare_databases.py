import os
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from apps.health.management.commands import compare_databases
from apps.health.management.commands.compare_databases import compare, patient_copy

pytestmark = pytest.mark.django_db


@pytest.fixture
def other() -> Iterator[str]:
    """An empty database beside the one of the tests, which stands for that of another host."""
    name = f"restored_{os.getpid()}"
    with patient_copy().cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield name
        cursor.execute(f"DROP DATABASE {name}")


@pytest.fixture
def compared(
    other: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    def on_host(host: str = "") -> object:
        database = patient_copy()
        if host:
            database.settings_dict |= {"NAME": other}
        return database

    monkeypatch.setattr(compare_databases, "patient_copy", on_host)
    call_command("compare_databases", "restored.example")
    return capsys.readouterr().out


def test_tables_that_a_host_lacks_are_named(compared: str) -> None:
    assert "  django_migrations: " in compared
    assert " -> no table (-" in compared


def test_migrations_that_a_host_lacks_are_named(compared: str) -> None:
    assert "lacks migrations of this version: admin.0001_initial, " in compared


def test_only_tables_with_another_number_of_rows_are_named() -> None:
    lines = compare({"a": 3, "b": 2, "gone": 5}, {"a": 3, "b": 4, "new": 1})
    assert [*lines] == [
        "  b: 2 -> 4 (+2)",
        "  gone: 5 -> no table (-5)",
        "  new: no table -> 1 (+1)",
        "  tables with as many rows on both: 1",
    ]


def test_the_same_database_differs_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("compare_databases", connection.settings_dict["HOST"])
    printed = capsys.readouterr().out
    assert MigrationRecorder(connection).applied_migrations()
    assert len(printed.splitlines()) == 2
    assert "lacks" not in printed


def test_counting_may_take_longer_than_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "read_timeout", 10)
    assert "read_timeout" not in patient_copy().settings_dict["OPTIONS"]
    assert connection.settings_dict["OPTIONS"]["read_timeout"] == 10


def test_a_host_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(CommandError, match="nowhere: "):
        call_command("compare_databases", "nowhere.invalid")
