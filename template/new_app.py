"""Create an app in apps/: a model, its migration, a page, an admin and tests, all registered.

It fills in the files of template/app, which you may change, with Django's startapp.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import django
from django.apps import apps
from django.core.management import call_command
from django.core.management.commands import startapp

from delivery.command import run
from delivery.errors import Failure
from delivery.paths import ROOT
from template import names

LONGEST = 30
TEMPLATE = ROOT / "template/app"
# Each file in which an app is registered: a text in it, and what replaces the text.
ADMIN, LINTED, END = '    "django.contrib.admin"', '    "include_apps": [\n', "]\n"
PLACES = {
    "myproject/settings/base.py": (ADMIN, f'    "apps.{{name}}",\n{ADMIN}'),
    "myproject/settings/test.py": (LINTED, f'{LINTED}        "{{name}}",\n'),
    "myproject/urls.py": (
        END,
        f'    path("{{address}}/", include("apps.{{name}}.urls")),\n{END}',
    ),
}


class StartApp(startapp.Command):
    """Django's startapp, which passes its options on to the template."""

    stealth_options = ("model", "noun", "title", "address")


def singular(name: str) -> str:
    """Return the class name for one object of the app: Category for categories."""
    one = re.sub(r"ies$", "y", name)
    if one == name:
        one = re.sub(r"(?<=ss|sh|ch)es$|(?<=x)es$|(?<!s)s$", "", name)
    return "".join(word.capitalize() for word in one.split("_"))


def check(name: str, model: str) -> None:
    """Raise Failure if there can be no such app."""
    names.check(name, LONGEST)
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", model):
        raise Failure(f"{model!r} is not a name for a model such as Order or PurchaseOrder")
    if (ROOT / "apps" / name).exists():
        raise Failure(f"apps/{name} already exists: use another name")
    os.environ["DJANGO_SETTINGS_MODULE"] = "myproject.settings.local"
    django.setup()
    if name in apps.app_configs:
        raise Failure(f"{name!r} is already installed, as {apps.app_configs[name].name}")


def registered(name: str, address: str) -> dict[Path, str]:
    """Return the new content of the files in which an app is registered."""
    texts = {}
    for path, (there, wanted) in PLACES.items():
        text = (ROOT / path).read_text()
        if text.count(there) != 1:
            raise Failure(f"{path} must have {there.strip()} once: change template/new_app.py")
        wanted = wanted.format(name=name, address=address)
        texts[ROOT / path] = text.replace(there, wanted)
    return texts


def make(name: str, model: str) -> None:
    model = model or singular(name)
    check(name, model)
    address, title = name.replace("_", "-"), name.replace("_", " ").capitalize()
    noun = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model).lower()
    texts = registered(name, address)
    folder = ROOT / "apps" / name
    folder.mkdir()
    try:
        call_command(
            StartApp(),
            *(name, str(folder)),
            template=str(TEMPLATE),
            extensions=["py", "json"],
            model=model,
            noun=noun,
            title=title,
            address=address,
        )
        command = [sys.executable, "-m", "black", "--quiet", str(folder)]
        subprocess.run(command, check=True)
    except BaseException:
        shutil.rmtree(folder)
        raise
    for path, text in texts.items():
        path.write_text(text)
    print(f"apps/{name} was created: /{address}/ lists the rows of {model}. It is registered in")
    print(*(f"  {path}" for path in PLACES), sep="\n")
    print(f"Next: make test ARGS=apps/{name} && make check")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/new-app",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code 0: created; 1: refused, and nothing was changed; 2: wrong usage.",
    )
    parser.add_argument(
        "name", metavar="NAME", help=f"{names.FORM}: a noun, preferably in the plural"
    )
    parser.add_argument("--model", default="", help="such as Order; default: guessed from NAME")
    args = parser.parse_args()
    run("scripts/new-app", lambda: make(args.name, args.model))


if __name__ == "__main__":
    main()
