from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.test import Client

from apps.users.models import User

LOGIN = "/admin/login/"


def log_in(client: Client, name: str, password: str) -> int:
    return client.post(LOGIN, {"username": name, "password": password}).status_code


@pytest.fixture
def guessed(db: None) -> Client:
    """Return a client that has tried five wrong passwords for ada."""
    for name in ("ada", "grace"):
        User.objects.create_superuser(name, password="right")
    client = Client()
    for _ in range(5):
        log_in(client, "ada", "wrong")
    return client


def test_sixth_wrong_password_is_refused(guessed: Client) -> None:
    assert log_in(guessed, "ada", "wrong") == 429


def test_right_password_is_refused_after_five_wrong_ones(guessed: Client) -> None:
    assert log_in(guessed, "ada", "right") == 429
    assert "sessionid" not in guessed.cookies


def test_right_password_is_accepted_after_the_lockout(guessed: Client) -> None:
    AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(minutes=16))
    assert log_in(guessed, "ada", "right") == 302


def test_another_name_is_accepted_during_the_lockout(guessed: Client) -> None:
    assert log_in(guessed, "grace", "right") == 302
