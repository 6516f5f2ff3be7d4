from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings
from waffle.testutils import override_flag

from apps.releases.models import Release
from apps.releases.tests.conftest import MakeReleases

PAGE = "/releases/"
NO_REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": "redis://127.0.0.1:1/0",
}


def html(client: Client, address: str = PAGE, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return " ".join(response.content.decode().split())


@pytest.mark.django_db
def test_empty_page_says_how_to_record_a_release(client: Client) -> None:
    assert "manage.py record_release VERSION COMMIT" in html(client)


def test_page_shows_the_live_release(client: Client, make_releases: MakeReleases) -> None:
    make_releases(3)
    page = html(client)
    assert '<h1 id="live">1.2.0</h1>' in page
    assert "for 1 hour." in page


def test_page_shows_when_another_release_answers(
    client: Client, make_releases: MakeReleases, settings: Settings
) -> None:
    make_releases(1)
    assert "This page comes from" not in html(client)
    settings.APP_VERSION, settings.APP_COMMIT = "2.0", "9f3c1b7"
    assert "This page comes from 2.0" in html(client)


def test_history_has_twenty_releases_a_page(client: Client, make_releases: MakeReleases) -> None:
    make_releases(45)
    assert html(client).count('<th scope="row">') == 20
    assert html(client, f"{PAGE}?page=3").count('<th scope="row">') == 5


@pytest.mark.django_db
def test_filter_may_find_nothing(client: Client) -> None:
    assert "No release here has this outcome" in html(client, f"{PAGE}?outcome=rolled-back")


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.django_db
def test_visitor_gets_no_cookie(client: Client, active: bool) -> None:
    with override_flag("release_statistics", active=active):
        assert not client.get(PAGE).cookies


@pytest.mark.django_db
def test_figures_are_hidden_without_releases(client: Client) -> None:
    assert "Delivery in" not in html(client)


def test_known_figures_are_shown(client: Client, make_releases: MakeReleases) -> None:
    make_releases(9)
    page = html(client)
    assert "<dt>Deployments</dt><dd>7</dd>" in page
    assert "<dt>Failed or rolled back</dt><dd>29 %</dd>" in page
    assert "<dt>Median time to restore</dt><dd>1 hour</dd>" in page
    assert "lead time" not in page
    Release.objects.update(committed=F("started") - timedelta(hours=2))
    assert "commit to deploy</dt><dd>2 hours</dd>" in html(client)


def test_statistics_are_shown_only_with_their_flag(
    client: Client, make_releases: MakeReleases
) -> None:
    make_releases(9)
    assert "The last 30 days" not in html(client)
    with override_flag("release_statistics", active=True):
        page = html(client)
    assert "<dt>Median time live</dt><dd>1 hour</dd>" in page


@override_flag("release_statistics", active=True)
@pytest.mark.django_db
def test_statistics_without_releases_say_so(client: Client) -> None:
    assert "<dd>none ended</dd>" in html(client)


@pytest.mark.django_db
def test_page_shows_that_redis_is_down(client: Client, settings: Settings) -> None:
    assert "Not healthy" not in html(client)
    settings.CACHES = settings.CACHES | {"default": NO_REDIS}
    assert "Not healthy" in html(client)


def test_filter_keeps_one_outcome(client: Client, make_releases: MakeReleases) -> None:
    make_releases(10)
    page = html(client, f"{PAGE}?outcome=rolled-back")
    assert page.count("Rolled back</span>") == page.count('<th scope="row">') == 2


@pytest.mark.django_db
def test_unknown_page_is_not_found(client: Client) -> None:
    assert "Not found" in html(client, f"{PAGE}?page=2", status=404)


def test_queries_do_not_grow_with_the_history(
    client: Client, make_releases: MakeReleases, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_releases(45)
    with django_assert_num_queries(5):
        client.get(PAGE)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_page_is_read_only(method: str) -> None:
    assert getattr(Client(enforce_csrf_checks=True), method)(PAGE).status_code == 405
