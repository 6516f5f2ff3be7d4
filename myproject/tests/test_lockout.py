import pytest
from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from pytest_django import Settings

from myproject.lockout import username


def try_login(client: Client, name: str, **headers: str) -> int:
    form = {"username": name, "password": "wrong"}
    return client.post("/admin/login/", form, headers=headers).status_code


@pytest.mark.django_db
def test_a_name_that_is_too_long_is_cut_and_counted(client: Client) -> None:
    tries = [try_login(client, "u" * 300) for _ in range(6)]
    assert tries == [200, 200, 200, 200, 429, 429]
    assert AccessAttempt.objects.filter(username="u" * 255).count() == 1


@pytest.mark.django_db
def test_attempts_during_a_lockout_are_not_recorded(client: Client) -> None:
    for _ in range(5):
        try_login(client, "ada")
    before = AccessAttempt.objects.get(username="ada").post_data
    assert try_login(client, "ada") == 429
    assert AccessAttempt.objects.get(username="ada").post_data == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "behind", ["203.0.113.9:{}", "[2001:db8::1]:{}", "fe80::1%{}", "nonsense {}"]
)
def test_no_spelling_of_an_address_evades_the_lock(
    client: Client, settings: Settings, behind: str
) -> None:
    settings.BEHIND_LOAD_BALANCER = True
    tries = [try_login(client, "ada", x_forwarded_for=behind.format(port)) for port in range(5)]
    assert tries[-1] == 429


def test_the_name_comes_from_the_form_without_credentials() -> None:
    assert username(RequestFactory().post("/", {"username": "ada"}), None) == "ada"
    assert username(RequestFactory().get("/"), None) is None


@pytest.mark.parametrize("field", ["username", "email"])
def test_the_user_model_may_call_the_name_differently(
    monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    assert username(RequestFactory().post("/"), {field: "ada", "password": "x"}) == "ada"
