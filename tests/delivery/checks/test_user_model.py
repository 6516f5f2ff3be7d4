"""A fork's user model: another in the place of apps/users, or Django's own."""

import shutil
from pathlib import Path

import pytest

from tests.delivery.git_repository import copy, run

LOCAL = "myproject.settings.local"
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
def test_who_tries_wrong_passwords_is_locked_out(admin_user, client):
    def sign_in(password):
        form = {"username": admin_user.get_username(), "password": password}
        return client.post("/admin/login/", form).status_code
    assert [sign_in("wrong") for _ in range(5)] == [200, 200, 200, 200, 429]
    assert sign_in("password") == 429
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folders = ("apps", "delivery", "myproject", "scripts", "template", "tests/__init__.py")
    return copy(tmp_path, *folders, "*.py", "*.toml")


def assert_green(project: Path) -> None:
    tests = ("apps/trial_orders", "myproject/tests/test_uploads.py", "test_sign_in.py")
    (project / "test_sign_in.py").write_text(SIGN_IN)
    for command in (
        ("python", "-m", "template.new_app", "trial_orders"),
        ("python", "manage.py", "makemigrations", "--check", "--dry-run"),
        # On SQLite, and so without the root's conftest.py, which wants MySQL.
        ("pytest", f"--ds={LOCAL}", "--noconftest", *tests),
    ):
        done = run(project, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_another_model_takes_the_place_of_ours_on_the_first_day(project: Path) -> None:
    users = project / "apps/users"
    (users / "models.py").write_text(BY_EMAIL)
    (users / "admin.py").unlink()
    (users / "migrations/0001_initial.py").unlink()
    shutil.rmtree(users / "tests")
    done = run(project, "python", "manage.py", "makemigrations", "users")
    assert done.returncode == 0, done.stderr
    assert_green(project)


def test_a_fork_with_people_in_its_database_keeps_the_user_of_django(project: Path) -> None:
    shutil.rmtree(project / "apps/users")
    for name in ("base", "test"):
        file = project / f"myproject/settings/{name}.py"
        kept = [line for line in file.read_text().splitlines(True) if "users" not in line]
        file.write_text("".join(kept))
    assert_green(project)
