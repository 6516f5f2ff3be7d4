"""Each deploy of a recipe of docs/migrations.md passes scripts/check-rollback; wrong ways don't."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from delivery.checks.check_rollback import Code, databases, try_data
from delivery.errors import Failure
from delivery.paths import ROOT
from tests.delivery.migration_recipes import RECIPES, SOUND, UNDECIDED, WRONG, Version, files
from tests.small_project import write

NAME = f"recipe_{os.getpid()}"


@contextlib.contextmanager
def imported(folder: Path, versions: tuple[Version, ...]) -> Iterator[list[Code]]:
    """Import versions that follow one another on one database."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(databases(os.environ["DATABASE_URL"], NAME))
        codes = []
        for number in range(1, len(versions) + 1):
            write(folder / str(number), **files(*versions[:number]))
            code = Code(folder / str(number), sys.executable, os.environ["DATABASE_URL"])
            codes.append(stack.enter_context(code.imported(NAME)))
        yield codes


def refusal(old: Code, new: Code) -> str:
    """Return why a version is refused after another one; nothing where it isn't."""
    try:
        try_data(old, new, NAME)
    except Failure as failure:
        return str(failure)
    return ""


def test_the_page_has_the_deploys_of_each_recipe() -> None:
    page = (ROOT / "docs/migrations.md").read_text()
    recipes = page.partition("\n## Recipes")[2].partition("\n## ")[0].split("\n### ")[1:]
    deploys = {text.partition("\n")[0]: len(re.findall(r"^\| \d", text, re.M)) for text in recipes}
    assert deploys == {name: len(versions) - 1 for name, versions in RECIPES.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_each_deploy_of_a_recipe_passes(tmp_path: Path, name: str) -> None:
    with imported(tmp_path, RECIPES[name]) as codes:
        for deploy, (old, new) in enumerate(pairwise(codes), 1):
            assert not (reason := refusal(old, new)), f"deploy {deploy}: {reason}"


@pytest.mark.parametrize("name", SOUND)
def test_what_hides_nothing_passes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    with imported(tmp_path, SOUND[name]) as codes:
        assert not refusal(*codes)
    assert "not covered" not in capfd.readouterr().out


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_can_not_be_decided_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    *versions, expected = UNDECIDED[name]
    with imported(tmp_path, tuple(versions)) as codes:
        assert not refusal(*codes)
    assert f"not covered: {expected}" in capfd.readouterr().out


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_way_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    *versions, expected = WRONG[name]
    with imported(tmp_path, tuple(versions)) as codes:
        reason = refusal(*codes)
    said = f"{capfd.readouterr().out}\n{reason}"
    assert reason, said
    assert expected in said
