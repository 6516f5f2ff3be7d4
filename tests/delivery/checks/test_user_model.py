"""A fork's user model: another in the place of apps/users, or Django's own."""

import shutil
from pathlib import Path

import pytest

from tests.delivery.git_repository import copy, run
from tests.delivery.new_app import COMPLETE, LOCAL, new_app_here

BY_EMAIL = """\
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class UserManager(BaseUserManager["User"]):
    def create_superuser(self, email: str, password: str, **fields: Any) -> "User":
        user = self.model(email=email, is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
"""
SIGN_IN = """\
@pytest.fixture(autouse=True)
def fast_hasher(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
def test_who_tries_wrong_passwords_is_locked_out(admin_user, client):
    def sign_in(password):
        form = {"username": admin_user.get_username(), "password": password}
        return client.post("/admin/login/", form).status_code
    assert [sign_in("wrong") for _ in range(5)] == [200, 200, 200, 200, 429]
    assert sign_in("password") == 429
"""
# A command of manage.py, if there is one, and a session of pytest.
START = """\
import sys, django, pytest
from django.core.management import call_command
django.setup()
if sys.argv[1]:
    call_command(*sys.argv[1].split())
sys.exit(pytest.main(sys.argv[2:]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folders = ("apps", "delivery", "myproject", "scripts", "template", "tests/__init__.py")
    return copy(tmp_path, *folders, "*.py", "*.toml")


def assert_green(project: Path, monkeypatch: pytest.MonkeyPatch, command: str = "") -> None:
    """Run the tests in a project with a new app, after a command of manage.py.

    The command and the tests share a process, because Django takes longer to start.
    """
    done = new_app_here(project, monkeypatch, "trial_orders")
    assert done.returncode == 0, done.stderr
    (project / "test_more.py").write_text(COMPLETE + SIGN_IN)
    tests = ("apps/trial_orders", "myproject/tests/test_uploads.py", "test_more.py")
    # On SQLite, and so without the root's conftest.py, which requires MySQL.
    options = (f"--ds={LOCAL}", "--noconftest", *tests)
    done = run(
        project, "env", f"DJANGO_SETTINGS_MODULE={LOCAL}", "python", "-c", START, command, *options
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_user_model_can_be_replaced_before_the_first_migration(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = project / "apps/users"
    (users / "models.py").write_text(BY_EMAIL)
    (users / "admin.py").unlink()
    (users / "migrations/0001_initial.py").unlink()
    shutil.rmtree(users / "tests")
    assert_green(project, monkeypatch, "makemigrations users")


def test_a_fork_with_existing_users_can_keep_djangos_user_model(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(project / "apps/users")
    for name in ("base", "test"):
        file = project / f"myproject/settings/{name}.py"
        kept = [line for line in file.read_text().splitlines(True) if "users" not in line]
        file.write_text("".join(kept))
    assert_green(project, monkeypatch)
