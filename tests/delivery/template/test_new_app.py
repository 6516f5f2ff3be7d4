"""scripts/new-app: an app that passes all checks from the start."""

from pathlib import Path

import pytest

from template.new_app import singular
from tests.delivery.git_repository import commit, copy, git, run
from tests.delivery.new_app import COMPLETE, LOCAL, new_app_here


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy(
        tmp_path_factory.mktemp("project"),
        "apps",
        "delivery",
        "myproject",
        "scripts",
        "template",
        "*.py",
        "*.toml",
    )


@pytest.fixture
def clone(project: Path, tmp_path: Path) -> Path:
    """A project for one test."""
    git(project, "clone", "--quiet", str(project), str(tmp_path / "clone"))
    return tmp_path / "clone"


# A project may well have orders of its own.
def test_two_new_apps_pass_all_checks(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(clone, "python", "-m", "template.new_app", "trial_orders")
    assert done.returncode == 0, done.stderr
    assert "/trial-orders/ lists the rows" in done.stdout
    done = new_app_here(clone, monkeypatch, "trial_addresses", "--model", "Address")
    assert done.returncode == 0, done.stderr
    assert "/trial-addresses/ lists the rows" in done.stdout
    folders = [f"apps/{name}" for name in ("trial_orders", "trial_addresses")]
    changed = git(clone, "ls-files", "--others", "--modified", "*.py").splitlines()
    (clone / "test_complete.py").write_text(COMPLETE)
    for command in (
        ["ruff", "check", "apps", "myproject"],
        ["black", "--check", *changed],
        # On SQLite, and so without the root's conftest.py, which requires MySQL.
        ["pytest", f"--ds={LOCAL}", "--noconftest", "test_complete.py", *folders]
        + [f"--cov={one}" for one in folders],
    ):
        done = run(clone, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (
        '"include_apps": [\n        "trial_addresses",\n        "trial_orders",\n'
        in (clone / "myproject/settings/test.py").read_text()
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["my-orders"], "use lower-case"),
        (["class"], "keyword of Python"),
        (["health"], "apps/health already exists"),
        (["axes"], "already a module"),
        (["sessions"], "already installed, as django.contrib.sessions"),
        (["things", "--model", "thing"], "not a name for a model"),
    ],
)
def test_an_invalid_app_is_refused(
    project: Path, words: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = new_app_here(project, monkeypatch, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert problem in done.stderr
    assert git(project, "status", "--porcelain") == ""


def test_an_app_that_can_not_be_registered_is_not_created(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, **{"myproject/urls.py": "urlpatterns = []\n" * 2})
    done = new_app_here(clone, monkeypatch, "trial_orders")
    assert "myproject/urls.py must have ] once" in done.stderr
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("orders", "Order"),
        ("gift_cards", "GiftCard"),
        ("categories", "Category"),
        ("addresses", "Address"),
        ("boxes", "Box"),
        ("stock", "Stock"),
        ("glass", "Glass"),
    ],
)
def test_the_name_of_the_model_is_guessed(name: str, model: str) -> None:
    assert singular(name) == model
