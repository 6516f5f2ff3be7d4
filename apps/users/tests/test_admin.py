import pytest
from django.test import Client

from apps.users.models import User

LIST = "/admin/users/user/"

pytestmark = pytest.mark.django_db


def test_staff_can_find_a_user_by_name(admin_client: Client) -> None:
    User.objects.create_user("ada")
    page = admin_client.get(LIST, {"q": "ada"}).content.decode()
    assert "1 user" in page


def test_staff_can_add_a_user_with_a_password(admin_client: Client) -> None:
    form = {"username": "ada", "usable_password": "true"}
    form |= {"password1": "a-long-passphrase", "password2": "a-long-passphrase"}
    assert admin_client.post(f"{LIST}add/", form).status_code == 302
    assert User.objects.get(username="ada").check_password("a-long-passphrase")
