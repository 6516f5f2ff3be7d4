"""Each deploy of a recipe of docs/migrations.md passes scripts/check-rollback; wrong ways don't."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from delivery.checks.check_rollback import Code, databases, try_data
from delivery.errors import Failure
from delivery.paths import ROOT
from tests.delivery.migration_recipes import RECIPES, SOUND, UNDECIDED, WRONG, Version, project
from tests.small_project import write

FAILS = "database can't be migrated"
NAME = f"recipe_{os.getpid()}"


def deploy(folder: Path, *cases: Sequence[Version]) -> list[list[str]]:
    """Deploy the versions of many cases, each an app of one project; return what is said of each.

    Raise Failure for a refusal that is not about the rows of a case.
    """
    said = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(databases(os.environ["DATABASE_URL"], NAME))
        codes = []
        for number in range(1, max(map(len, cases)) + 1):
            write(folder / str(number), **project(*(versions[:number] for versions in cases)))
            code = Code(folder / str(number), sys.executable, os.environ["DATABASE_URL"])
            codes.append(stack.enter_context(code.imported(NAME)))
        stack.enter_context(contextlib.redirect_stdout(said))
        for old, new in pairwise(codes):
            try:
                try_data(old, new, NAME)
            except Failure:
                if "fault: " not in said.getvalue():
                    raise
    lines = said.getvalue().splitlines()
    apps = [f"case{number}" for number in range(len(cases))]
    return [[line.replace(app, "things") for line in lines if f": {app}_" in line] for app in apps]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return what the check says of each case, other than those whose migration fails."""
    once = {name: case[:2] for name, case in (SOUND | UNDECIDED).items()}
    wrong = {name: case[:2] for name, case in WRONG.items() if case[2] != FAILS}
    found: dict[str, list[str]] = {}
    for cases in (RECIPES, once, wrong):
        lines = deploy(tmp_path_factory.mktemp("versions"), *cases.values())
        found |= dict(zip(cases, lines, strict=True))
    return found


def faults(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("fault: ")]


def test_the_page_has_the_deploys_of_each_recipe() -> None:
    page = (ROOT / "docs/migrations.md").read_text()
    recipes = page.partition("\n## Recipes")[2].partition("\n## ")[0].split("\n### ")[1:]
    deploys = {text.partition("\n")[0]: len(re.findall(r"^\| \d", text, re.M)) for text in recipes}
    assert deploys == {name: len(versions) - 1 for name, versions in RECIPES.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_each_deploy_of_a_recipe_passes(said: dict[str, list[str]], name: str) -> None:
    assert faults(said[name]) == []


@pytest.mark.parametrize("name", SOUND)
def test_a_change_that_hides_no_data_passes(said: dict[str, list[str]], name: str) -> None:
    assert said[name] == []


@pytest.mark.parametrize("name", UNDECIDED)
def test_an_undecided_case_is_reported(said: dict[str, list[str]], name: str) -> None:
    assert faults(said[name]) == []
    assert UNDECIDED[name][2] in "\n".join(said[name])


@pytest.mark.parametrize("name", [name for name, case in WRONG.items() if case[2] != FAILS])
def test_an_unsafe_change_is_refused(said: dict[str, list[str]], name: str) -> None:
    assert WRONG[name][2] in "\n".join(faults(said[name]))


@pytest.mark.parametrize("name", [name for name, case in WRONG.items() if case[2] == FAILS])
def test_a_migration_that_fails_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure, match=FAILS):
        deploy(tmp_path, WRONG[name][:2])
