"""The recipes of docs/migrations.md as versions of a small project, and wrong ways into them.

A version is the fields of the model Thing, how it shows and saves itself, and its migrations. Its
texts call the app things; in a project of many cases, the app of each has a name of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.small_project import PROJECT

MODELS = """\
from django.db import models
class Thing(models.Model):
    {body}
"""
MIGRATION = """\
from django.db import migrations, models
from django.db.models import F
class Migration(migrations.Migration):
    {initial}
    dependencies = {dependencies}
    operations = [{operations}]
"""
TEXT = "models.CharField(max_length=20{})"
NEW = TEXT.format(', db_default=""')
OLD = TEXT.format("")
ID = '("id", models.BigAutoField(primary_key=True))'


@dataclass(frozen=True)
class Version:
    body: str  # of the class Thing
    migrations: tuple[str, ...] = ()  # the operations of each
    files: dict[str, str] = field(default_factory=dict)


def body(*lines: str, shows: str, save: str = "") -> str:
    """Return the body of a model with fields, a text of its own, and what it does when saved."""
    text = [*lines, f"def __str__(self): return {shows}"]
    if save:
        text += ["def save(self, **options):", f"    {save}", "    super().save(**options)"]
    return "\n    ".join(text)


def create(*fields: str) -> str:
    columns = ", ".join((ID, *(f'("{name}", {kind})' for name, kind in map(split, fields))))
    return f'migrations.CreateModel("Thing", [{columns}])'


def split(line: str) -> tuple[str, str]:
    name, _, kind = line.partition(" = ")
    return name, kind


def first(*fields: str, shows: str = "self.name", **files: str) -> Version:
    return Version(body(*fields, shows=shows), (create(*fields),), files)


def add(name: str, kind: str) -> str:
    return f'migrations.AddField("thing", "{name}", {kind})'


def alter(name: str, kind: str) -> str:
    return f'migrations.AlterField("thing", "{name}", {kind})'


def forget(name: str) -> str:
    """Return the operation that takes a field from the models, and leaves its column."""
    return (
        "migrations.SeparateDatabaseAndState(state_operations=["
        f'migrations.RemoveField("thing", "{name}")])'
    )


def drop(name: str, kind: str = NEW) -> str:
    """Return the operations that drop a column which the models have forgotten."""
    known = f"migrations.SeparateDatabaseAndState(state_operations=[{add(name, kind)}])"
    return f'{known}, migrations.RemoveField("thing", "{name}")'


def fill(change: str) -> str:
    """Return a data step: what it does to `things`, the query of all of them."""
    model = 'apps.get_model("things", "Thing").objects'
    return f"migrations.RunPython(lambda apps, _: [{change} for things in [{model}]])"


NAME = f"name = {OLD}"
TITLE = f"title = {NEW}"
NAMED = first(NAME)
FILL_TITLE = fill('things.exclude(title=F("name")).update(title=F("name"))')
BOTH_READ_NAME = body(NAME, TITLE, shows="self.name", save="self.title = self.name")
BOTH_READ_TITLE = body(NAME, TITLE, shows="self.title", save="self.name = self.title")
TITLED = body(f"title = {NEW}", shows="self.title")

FIRST, LAST = f"first = {NEW}", f"last = {NEW}"
HALVES = "self.first, self.last = self.name[:10], self.name[10:]"
FILL_HALVES = fill(
    "[things.filter(pk=one.pk).update(first=one.name[:10], last=one.name[10:])"
    " for one in things.all()]"
)
ADD_HALVES = (add("first", NEW), add("last", NEW))

WEIGHT = f"weight = {OLD}"
GRAMS = "grams = models.IntegerField(db_default=0)"
ADD_GRAMS = add("grams", "models.IntegerField(db_default=0)")
FILL_GRAMS = fill(
    "[things.filter(pk=one.pk).update(grams=int(one.weight)) for one in things.all()]"
)
# A text that no number can be read from is not what the model takes: the app writes rows itself.
WEIGHED = {"apps/things/tests/rollback_rows.py": """\
from apps.things.models import Thing
def write(number):
    Thing(weight=str(1000 + number)).save()
"""}
GRAMS_ONLY = {
    name: text.replace("weight=str(1000 + number)", "grams=1000 + number")
    for name, text in WEIGHED.items()
}

SIZE = "size = models.IntegerField(null=True{})"
COLOUR = "colour = models.CharField(max_length=20{})"

# Each begins with what was there before; each version after that is a deploy.
RECIPES: dict[str, tuple[Version, ...]] = {
    "Add a column": (
        NAMED,
        Version(
            body(NAME, COLOUR.format(', db_default="red"'), shows="f'{self.name} {self.colour}'"),
            (add("colour", TEXT.format(', db_default="red"')),),
        ),
    ),
    "Rename a field": (
        NAMED,
        Version(
            body(f"title = {TEXT.format(', db_column=' + repr('name'))}", shows="self.title"),
            (
                alter("name", TEXT.format(', db_column="name"')),
                'migrations.RenameField("thing", "name", "title")',
            ),
        ),
    ),
    "Rename a column": (
        NAMED,
        Version(BOTH_READ_NAME, (add("title", NEW), FILL_TITLE)),
        Version(BOTH_READ_TITLE, (FILL_TITLE,)),
        Version(TITLED, (alter("name", NEW), forget("name"))),
        Version(TITLED, (drop("name"),)),
    ),
    "Split a column": (
        NAMED,
        Version(
            body(NAME, FIRST, LAST, shows="self.name", save=HALVES), (*ADD_HALVES, FILL_HALVES)
        ),
        Version(
            body(
                NAME,
                FIRST,
                LAST,
                shows="self.first + self.last",
                save="self.name = (self.first + self.last)[:20]",
            ),
            (FILL_HALVES,),
        ),
        Version(
            body(FIRST, LAST, shows="self.first + self.last"), (alter("name", NEW), forget("name"))
        ),
        Version(body(FIRST, LAST, shows="self.first + self.last"), (drop("name"),)),
    ),
    "Change a type": (
        first(WEIGHT, shows="self.weight", **WEIGHED),
        Version(
            body(WEIGHT, GRAMS, shows="self.weight", save="self.grams = int(self.weight)"),
            (ADD_GRAMS, FILL_GRAMS),
            WEIGHED,
        ),
        Version(
            body(WEIGHT, GRAMS, shows="str(self.grams)", save="self.weight = str(self.grams)"),
            (FILL_GRAMS,),
            GRAMS_ONLY,
        ),
        Version(
            body(GRAMS, shows="str(self.grams)"),
            (alter("weight", NEW), forget("weight")),
            GRAMS_ONLY,
        ),
        Version(body(GRAMS, shows="str(self.grams)"), (drop("weight"),), GRAMS_ONLY),
    ),
    "Widen a column": (
        first(NAME, SIZE.format("")),
        Version(
            body(
                "name = models.CharField(max_length=100)",
                "size = models.BigIntegerField(null=True)",
                shows="self.name",
            ),
            (
                alter("name", "models.CharField(max_length=100)"),
                alter("size", "models.BigIntegerField(null=True)"),
            ),
        ),
    ),
    "Make a column required": (
        first(NAME, SIZE.format("")),
        Version(
            body(NAME, SIZE.format(", default=0"), shows="self.name"),
            (alter("size", "models.IntegerField(null=True, default=0)"),),
        ),
        Version(
            body(NAME, "size = models.IntegerField(default=0)", shows="self.name"),
            (
                fill("things.filter(size=None).update(size=0)"),
                alter("size", "models.IntegerField(default=0)"),
            ),
        ),
    ),
    "Drop a column": (
        first(NAME, COLOUR.format("")),
        Version(body(NAME, shows="self.name"), (alter("colour", NEW), forget("colour"))),
        Version(body(NAME, shows="self.name"), (drop("colour"),)),
    ),
    "Add an index on a large table": (
        NAMED,
        Version(
            body(NAME, shows="self.name"),
            (
                "migrations.AddIndex("
                '"thing", models.Index(fields=["name"], name="things_by_name"))',
            ),
        ),
    ),
}

CODED = "kind = models.CharField(max_length=1, choices=[*zip('abc', {})])"
DEFAULT_NAME = (alter("name", NEW), forget("name"))

EVERY_KIND = (
    NAME,
    "text = models.TextField()",
    "mail = models.EmailField(unique=True)",
    "address = models.URLField()",
    "ip = models.GenericIPAddressField()",
    "short = models.CharField(max_length=2, unique=True)",
    "small = models.PositiveSmallIntegerField(unique=True)",
    "big = models.BigIntegerField()",
    "price = models.DecimalField(max_digits=8, decimal_places=2)",
    "share = models.DecimalField(max_digits=4, decimal_places=4)",
    "ratio = models.FloatField()",
    "flag = models.BooleanField()",
    "day = models.DateField()",
    "moment = models.DateTimeField()",
    "made = models.DateTimeField(auto_now_add=True)",
    "hour = models.TimeField()",
    "takes = models.DurationField()",
    "key = models.UUIDField(unique=True)",
    "more = models.JSONField()",
    "raw = models.BinaryField()",
    "upload = models.FileField()",
    "parent = models.ForeignKey('self', models.CASCADE, null=True)",
    "others = models.ManyToManyField('self')",
)

# What else must not be refused: the previous version, and the version after.
SOUND: dict[str, tuple[Version, Version]] = {
    "a table": (
        NAMED,
        Version(
            NAMED.body
            + "\nclass Part(models.Model):\n    thing = models.ForeignKey(Thing, models.CASCADE)",
            (
                f'migrations.CreateModel("Part", [{ID}, ("thing", '
                'models.ForeignKey("things.thing", models.CASCADE))])',
            ),
        ),
    ),
    "nothing, for a field of every kind": (
        first(*EVERY_KIND),
        Version(body(*EVERY_KIND, shows="self.name")),
    ),
    "a code more, and another label": (
        first(NAME, CODED.format("['new', 'sold']")),
        Version(body(NAME, CODED.format("['fresh', 'sold', 'lost']"), shows="self.name")),
    ),
}

PRICE_IN_CENTS = fill('things.update(price=F("price") / 100)')
SAYS_SO = f'{PRICE_IN_CENTS}]\n    changes_values_of = ["things_thing.price"'

# What a person has to look at: the previous version, the version after, and part of what is said.
UNDECIDED: dict[str, tuple[Version, Version, str]] = {
    "rows that can't be made up": (
        NAMED,
        Version(body(NAME, shows="self.name", save="raise ValueError('no such name')")),
        "things_thing: no sample row could be generated (ValueError: no such name)",
    ),
    "a column that is no longer written": (
        RECIPES["Drop a column"][0],
        RECIPES["Drop a column"][1],
        "things_thing.colour: this version does not write it",
    ),
    "a migration that says which values it changes": (
        first(NAME, "price = models.IntegerField()"),
        Version(body(NAME, "price = models.IntegerField()", shows="self.name"), (SAYS_SO,)),
        "things_thing.price: things.0002_step declares that it changes these values",
    ),
    "a table that is no longer used": (
        NAMED,
        Version(
            "class Meta: managed = False",
            (
                "migrations.SeparateDatabaseAndState(state_operations=["
                'migrations.DeleteModel("Thing")])',
            ),
        ),
        "things_thing: this version has no model for this table",
    ),
}

# What goes wrong: the previous version, the version after, and part of the refusal.
WRONG: dict[str, tuple[Version, Version, str]] = {
    "a rename writes the new column alone": (
        NAMED,
        Version(TITLED, (add("title", NEW), FILL_TITLE, *DEFAULT_NAME)),
        "this version writes title, which the previous version does not know",
    ),
    "a rename writes both, and shows the new one at once": (
        NAMED,
        Version(BOTH_READ_TITLE, (add("title", NEW), FILL_TITLE)),
        "the previous version shows name to people; this version shows title instead",
    ),
    "a rename of what is stored does not fill the new column": (
        NAMED,
        Version(TITLED, (add("title", NEW), *DEFAULT_NAME)),
        "the previous version writes name, which this version does not know",
    ),
    "a column is renamed in place": (
        NAMED,
        Version(
            body(f"title = {OLD}", shows="self.title"),
            ('migrations.RenameField("thing", "name", "title")',),
        ),
        "things_thing: the previous version can't read this table",
    ),
    "a split writes the new columns alone": (
        NAMED,
        Version(
            body(FIRST, LAST, shows="self.first + self.last"),
            (*ADD_HALVES, FILL_HALVES, *DEFAULT_NAME),
        ),
        "this version writes first, last, which the previous version does not know",
    ),
    "a flag becomes a state, and is written no more": (
        first(NAME, "live = models.BooleanField()"),
        Version(
            body(
                NAME,
                f"state = {TEXT.format(', choices=[*zip(`ab`, `ab`)], db_default=`a`')}".replace(
                    "`", "'"
                ),
                shows="self.name",
            ),
            (
                add("state", TEXT.format(', db_default="a"')),
                alter("live", "models.BooleanField(db_default=True)"),
                forget("live"),
            ),
        ),
        "this version writes state, which the previous version does not know",
    ),
    "a type is changed in place": (
        first(NAME, "size = models.IntegerField()"),
        Version(
            body(NAME, f"size = {OLD}", shows="self.name"),
            (alter("size", OLD),),
        ),
        "things_thing.size: the previous version wrote 'int 2147483646', and after the migration",
    ),
    "a column is made narrower": (
        NAMED,
        Version(
            body("name = models.CharField(max_length=10)", shows="self.name"),
            (alter("name", "models.CharField(max_length=10)"),),
        ),
        "database can't be migrated",
    ),
    "a column gets another meaning, and its data are converted": (
        first(NAME, "price = models.IntegerField()"),
        Version(
            body(NAME, "price = models.IntegerField()", shows="self.name"),
            (PRICE_IN_CENTS,),
        ),
        "things_thing.price: the previous version wrote 'int 2147483646'",
    ),
    "a code gets the meaning that another one had": (
        first(NAME, CODED.format("['new', 'sold']")),
        Version(body(NAME, CODED.format("['sold', 'new']"), shows="self.name")),
        "things_thing.kind: 'a' is 'sold' to this version, and 'new' to the previous version",
    ),
    "a new column hides what the older code writes": (
        NAMED,
        Version(
            "class Shown(models.Manager):\n"
            "        def get_queryset(self): return super().get_queryset().filter(shown=True)\n    "
            + body(
                NAME,
                "shown = models.BooleanField(db_default=False)",
                "objects = Shown()",
                shows="self.name",
            ),
            (add("shown", "models.BooleanField(db_default=False)"),),
        ),
        "this version does not show a row that the previous version wrote",
    ),
    "a column is made required over rows without": (
        first(NAME, SIZE.format("")),
        Version(
            body(NAME, "size = models.IntegerField()", shows="self.name"),
            (
                'migrations.RunSQL("ALTER TABLE things_thing MODIFY size integer NOT NULL")',
                forget("size"),
                f"migrations.SeparateDatabaseAndState(state_operations=["
                f'{add("size", "models.IntegerField()")}])',
            ),
        ),
        "database can't be migrated",
    ),
    "a column is no longer written, and has no default": (
        first(NAME, COLOUR.format("")),
        Version(body(NAME, shows="self.name"), (forget("colour"),)),
        "things_thing: this version can't write to it",
    ),
    "a column is dropped that the previous version uses": (
        first(NAME, COLOUR.format("")),
        Version(body(NAME, shows="self.name"), ('migrations.RemoveField("thing", "colour")',)),
        "things_thing: the previous version can't read this table",
    ),
    "a column is added that the older code does not fill": (
        NAMED,
        Version(
            body(NAME, "size = models.IntegerField(default=1)", shows="self.name"),
            (add("size", "models.IntegerField(default=1)"),),
        ),
        "things_thing: the previous version can't write to it any more",
    ),
}


def app(*versions: Version) -> dict[str, str]:
    """Return the files of the app things in the last of these versions, with all migrations."""
    operations = [text for version in versions for text in version.migrations]
    texts = {
        "apps/things/models.py": MODELS.format(body=versions[-1].body),
        "apps/things/migrations/__init__.py": "",
    }
    for number, text in enumerate(operations, 1):
        before = f'[("things", "{number - 1:04}_step")]' if number > 1 else "[]"
        texts[f"apps/things/migrations/{number:04}_step.py"] = MIGRATION.format(
            initial="initial = True" if number == 1 else "",
            dependencies=before,
            operations=text,
        )
    return texts | versions[-1].files


def project(*cases: Sequence[Version]) -> dict[str, str]:
    """Return the files of a project that has an app for each case: case0, case1, ..."""
    files = {path: text for path, text in PROJECT.items() if not path.startswith("apps/")}
    files["myproject/urls.py"] = "urlpatterns = []\n"
    settings = "myproject/settings/test.py"
    apps = [f"apps.case{number}" for number in range(len(cases))]
    files[settings] = files[settings].replace('["apps.things"]', str(apps))
    for number, versions in enumerate(cases):
        for path, text in app(*versions).items():
            files[path.replace("things", f"case{number}")] = text.replace("things", f"case{number}")
    return files
