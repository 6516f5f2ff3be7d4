from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client

from .conftest import MakeReleases

LIST = "/admin/releases/release/"
LOGIN = "/admin/login/"


def log_in(client: Client, name: str, password: str) -> int:
    return client.post(LOGIN, {"username": name, "password": password}).status_code


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    """Return a client that may do whatever anybody may."""
    User.objects.create_superuser("ada", password="right")
    log_in(client, "ada", "right")
    return client


def test_staff_find_a_release(staff: Client, make_releases: MakeReleases) -> None:
    make_releases(3)
    response = staff.get(LIST, {"q": "1.2.0", "outcome__exact": "live"})
    assert "1 release" in response.content.decode()


def test_staff_change_no_release(staff: Client, make_releases: MakeReleases) -> None:
    [release] = make_releases(1)
    assert staff.get(f"{LIST}{release.pk}/change/").status_code == 200
    assert staff.post(f"{LIST}{release.pk}/change/", {"version": "9"}).status_code == 403
    assert staff.post(f"{LIST}{release.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff.post(f"{LIST}add/", {"version": "9"}).status_code == 403


@pytest.fixture
def guessed(staff: Client) -> Client:
    """Return a client that has tried five wrong passwords for ada."""
    User.objects.create_superuser("grace", password="right")
    client = Client()
    for _ in range(5):
        log_in(client, "ada", "wrong")
    return client


def test_sixth_wrong_password_is_refused(guessed: Client) -> None:
    assert log_in(guessed, "ada", "wrong") == 429


def test_right_password_is_refused_after_five_wrong_ones(guessed: Client) -> None:
    assert log_in(guessed, "ada", "right") == 429
    assert "sessionid" not in guessed.cookies


def test_right_password_is_taken_after_a_rest(guessed: Client) -> None:
    AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(minutes=16))
    assert log_in(guessed, "ada", "right") == 302


def test_another_name_is_let_in_meanwhile(guessed: Client) -> None:
    assert log_in(guessed, "grace", "right") == 302
