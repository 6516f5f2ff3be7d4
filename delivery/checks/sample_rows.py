"""Write rows through a project's models, and report what its models show of all rows.

scripts/check-rollback runs this file in each version, with that version's models. So it needs
nothing but Django and the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.validators import MaxValueValidator
from django.db import connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

# Two rows of each kind, so that a column that was not written is noticed: it is the same in both.
ROWS = 2
HOOK = "rollback_rows"  # in the tests of an app
LONGEST = 4000
NOON = datetime(2001, 1, 1, 12, tzinfo=UTC)

if TYPE_CHECKING:
    Field = models.Field[Any, Any]


class NoValue(Exception):
    """No value can be made up for a field."""


# --- write


def tables() -> Iterator[type[models.Model]]:
    """Yield the models that have a table of their own."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model


def word(field: Field, number: int) -> str:
    """Return a text as long as the field allows, with the number at its end."""
    length = min(field.max_length or 40, LONGEST)
    return f"{field.name}{'-' * LONGEST}"[: max(0, length - 4)] + f"{number:04}"[-length:]


def integer(field: Field, number: int) -> int:
    """Return one of the largest integers that the field takes."""
    _, highest = connection.ops.integer_field_range(field.get_internal_type())
    limits = [one.limit_value for one in field.validators if isinstance(one, MaxValueValidator)]
    highest = min(one for one in (highest, 2**63 - 1, *limits) if isinstance(one, int))
    return highest - number


def decimal(field: Field, number: int) -> Decimal:
    """Return one of the largest decimals that the field takes, or a fraction where it takes few."""
    places = getattr(field, "decimal_places", 0)
    digits = getattr(field, "max_digits", 0) - places
    return Decimal(10**digits - 1 - number) if digits > 4 else Decimal(number).scaleb(-places)


def value_of(field: Field, number: int, *, large: bool) -> Any:
    """Return a value of a field that differs from one number to the next."""
    if field.choices:
        values = [value for value, _ in field.flatchoices if value not in ("", None)]
        return values[number % len(values)]
    if isinstance(field, models.EmailField):
        return f"sample{number}@example.com"
    if isinstance(field, models.URLField):
        return f"https://example.com/{number}"
    kind = field.get_internal_type()
    if kind.endswith("IntegerField"):
        return integer(field, number) if large else number
    moment = NOON + timedelta(days=number)
    makers: dict[str, Callable[[], Any]] = {
        "BinaryField": lambda: number.to_bytes(4, "big"),
        "BooleanField": lambda: bool(number % 2),
        "DateField": moment.date,
        "DateTimeField": lambda: moment if settings.USE_TZ else moment.replace(tzinfo=None),
        "DecimalField": lambda: decimal(field, number),
        "DurationField": lambda: timedelta(days=number),
        "FloatField": lambda: number + 0.5,
        "GenericIPAddressField": lambda: f"192.0.2.{number}",
        "JSONField": lambda: {"sample": number},
        "TimeField": lambda: time(number % 24, 30),
        "UUIDField": lambda: UUID(int=number),
    }
    texts = ("CharField", "FileField", "FilePathField", "SlugField", "TextField")
    makers |= dict.fromkeys(texts, lambda: word(field, number))
    if kind not in makers:
        raise NoValue(f"{field.name} is a {kind}")
    return makers[kind]()


def is_filled_in(field: Field) -> bool:
    """Return whether Django or the database fills in a field by itself."""
    by_itself = ("generated", "auto_now", "auto_now_add")
    return isinstance(field, models.AutoField) or any(
        getattr(field, name, False) for name in by_itself
    )


def is_optional(field: Field) -> bool:
    default = getattr(field, "db_default", models.NOT_PROVIDED)
    return field.null or field.has_default() or default is not models.NOT_PROVIDED


class Rows:
    """Rows of all models that can be made up, and why others can't."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.made: dict[tuple[type[models.Model], int], models.Model] = {}
        self.begun: set[type[models.Model]] = set()
        self.problems: dict[str, str] = {}
        self.by_hook: set[str] = set()  # labels of apps

    def write(self, *, bare: bool) -> None:
        """Write rows of each app, by its own code where it has a hook."""
        for config in apps.get_app_configs():
            if Path(config.path, "tests", f"{HOOK}.py").exists():
                self.by_hook.add(config.label)
                hook = importlib.import_module(f"{config.name}.tests.{HOOK}")
                for number in range(ROWS):
                    hook.write(self.first + number)
        for model in tables():
            if model._meta.app_label not in self.by_hook:
                self.write_model(model, bare=bare)

    def write_model(self, model: type[models.Model], *, bare: bool) -> None:
        try:
            for number in range(ROWS):
                self.row(model, number)
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            self.problems[model._meta.db_table] = reason
            return
        if bare and any(field.null for field in model._meta.concrete_fields):
            # Migrations meet NULL in real data, too. Not every model can be saved with it.
            with contextlib.suppress(Exception):
                self.save(model, ROWS, large=False, bare=True)

    def row(self, model: type[models.Model], number: int) -> models.Model:
        """Return a model's row of a number, made unless it is there already."""
        if model._meta.app_label in self.by_hook:
            return model._default_manager.order_by("-pk")[number]
        if (model, number) not in self.made:
            if model in self.begun:
                raise NoValue(f"{model._meta.label} refers to itself")
            self.begun.add(model)
            try:
                self.made[model, number] = self.saved(model, number)
            finally:
                self.begun.discard(model)
        return self.made[model, number]

    def saved(self, model: type[models.Model], number: int) -> models.Model:
        """Save a row with large values, or else with small ones, or else with what it must have."""
        problem: Exception | None = None
        for large, bare in ((True, False), (False, False), (False, True)):
            try:
                return self.save(model, number, large=large, bare=bare)
            except Exception as error:
                problem = problem or error
        assert problem
        raise problem

    def save(
        self, model: type[models.Model], number: int, *, large: bool, bare: bool
    ) -> models.Model:
        row = model()
        for field in model._meta.concrete_fields:
            if not is_filled_in(field) and not (bare and is_optional(field)):
                self.fill(row, field, number, large=large)
        with transaction.atomic():
            row.save()
        return row

    def fill(self, row: models.Model, field: Field, number: int, *, large: bool) -> None:
        related = field.remote_field
        if not related:
            value = value_of(field, self.first + number, large=large)
            setattr(row, field.attname, value)
        elif not getattr(related, "parent_link", False):
            try:
                setattr(row, field.name, self.row(related.model, number))
            except Exception:
                if not field.null:
                    raise


# --- read

# In this order: a bool is an int, and a datetime a date.
KINDS = (bool, int, float, Decimal, str, bytes, datetime, date, time, timedelta, UUID)


def plain(value: Any) -> list[str]:
    """Return a value's type and its text, comparable between versions."""
    kind = next((one.__name__ for one in KINDS if isinstance(value, one)), type(value).__name__)
    if isinstance(value, datetime) and abs(aware(value) - timezone.now()) < timedelta(days=1):
        # This module makes up no time of today, so a default filled it in.
        return [kind, "now"]
    if isinstance(value, bytes):
        return [kind, value.hex()]
    if isinstance(value, Decimal | float):
        return [kind, f"{value.normalize():f}" if isinstance(value, Decimal) else repr(value)]
    if isinstance(value, dict | list):
        return [kind, json.dumps(value, sort_keys=True, default=str)]
    return [kind, "" if value is None else str(value)]


def aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def text_of(row: models.Model) -> str:
    """Return what people see of a row: its own text, and its line in the admin."""
    shown = [str(row)]
    if apps.is_installed("django.contrib.admin"):
        from django.contrib.admin import site
        from django.contrib.admin.utils import lookup_field

        admin = site._registry.get(type(row))
        names: Any = admin.list_display if admin else ()
        shown += [str(lookup_field(name, row, admin)[2]) for name in names if name != "__str__"]
    return "\n".join(shown)


def read_row(row: models.Model) -> dict[str, Any]:
    fields = row._meta.local_concrete_fields
    values = {field.column: plain(field.value_from_object(row)) for field in fields}
    try:
        text = text_of(row)
    except Exception as error:
        return {"values": values, "text": "", "error": f"{type(error).__name__}: {error}"}
    return {"values": values, "text": text, "error": ""}


def read_table(model: type[models.Model]) -> dict[str, Any]:
    fields = model._meta.local_concrete_fields
    labels = {
        field.column: {str(value): str(label) for value, label in field.flatchoices}
        for field in fields
        if field.choices
    }
    table = {"columns": [field.column for field in fields], "labels": labels}
    try:
        with transaction.atomic():
            rows = {str(row.pk): read_row(row) for row in model._default_manager.order_by("pk")}
    except Exception as error:
        return table | {"rows": {}, "error": f"{type(error).__name__}: {error}"}
    return table | {"rows": rows, "error": ""}


def read() -> dict[str, Any]:
    return {model._meta.db_table: read_table(model) for model in tables()}


def changes() -> dict[str, list[str]]:
    """Return, for each migration, the columns whose values it declares to change."""
    migrations = MigrationLoader(None).disk_migrations.values()
    return {str(one): list(getattr(one, "changes_values_of", ())) for one in migrations}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="JSON file for the rows before and after")
    parser.add_argument("--write", type=int, help="write rows, numbered from this number on")
    parser.add_argument(
        "--bare", action="store_true", help="also write rows with NULL where possible"
    )
    parser.add_argument("fixtures", nargs="*", help="files with more rows to write")
    args = parser.parse_args()
    before, rows = {}, Rows(args.write or 0)
    if args.write is not None:
        before = read()
        if args.fixtures:
            call_command("loaddata", *args.fixtures, verbosity=0)
        rows.write(bare=args.bare)
    report = {"before": before, "after": read(), "problems": rows.problems, "changes": changes()}
    args.report.write_text(json.dumps(report))


if __name__ == "__main__":
    main()
