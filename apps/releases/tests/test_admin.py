from django.test import Client

from .conftest import MakeReleases

LIST = "/admin/releases/release/"


def test_staff_can_find_a_release(admin_client: Client, make_releases: MakeReleases) -> None:
    make_releases(3)
    response = admin_client.get(LIST, {"q": "1.2.0", "outcome__exact": "live"})
    assert "1 release" in response.content.decode()


def test_staff_can_not_change_a_release(admin_client: Client, make_releases: MakeReleases) -> None:
    [release] = make_releases(1)
    assert admin_client.get(f"{LIST}{release.pk}/change/").status_code == 200
    assert admin_client.post(f"{LIST}{release.pk}/change/", {"version": "9"}).status_code == 403
    assert admin_client.post(f"{LIST}{release.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{LIST}add/", {"version": "9"}).status_code == 403
