from datetime import datetime

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.views.defaults import server_error
from pytest_django import DjangoAssertNumQueries, Settings
from waffle.testutils import override_flag

from apps.releases.models import Release

from .conftest import MakeReleases

PAGE, JSON = "/releases/", "/releases.json"
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


def test_page_says_what_is_live(client: Client, make_releases: MakeReleases) -> None:
    make_releases(3)
    page = html(client)
    assert '<h1 id="live">1.2.0</h1>' in page
    assert "for 1 hour." in page


def test_page_tells_when_another_release_answers(
    client: Client, make_releases: MakeReleases, settings: Settings
) -> None:
    make_releases(1)
    assert "This page comes from" not in html(client)
    settings.APP_VERSION, settings.APP_COMMIT = "2.0", "9f3c1b7"
    assert "This page comes from 2.0" in html(client)


def test_releases_of_other_environments_are_not_shown(client: Client, db: None) -> None:
    Release.objects.record(version="7.7.7", commit="abc", environment="elsewhere")
    assert "7.7.7" not in html(client)


@pytest.mark.django_db
def test_page_says_that_redis_is_down(client: Client, settings: Settings) -> None:
    assert "Not healthy" not in html(client)
    settings.CACHES = settings.CACHES | {"default": NO_REDIS}
    assert "Not healthy" in html(client)
    assert client.get(JSON).json()["checks"]["cache"] == "failed"


def test_history_has_twenty_releases_a_page(client: Client, make_releases: MakeReleases) -> None:
    make_releases(45)
    assert html(client).count('<th scope="row">') == 20
    assert html(client, f"{PAGE}?page=3").count('<th scope="row">') == 5


def test_filter_keeps_one_outcome(client: Client, make_releases: MakeReleases) -> None:
    make_releases(10)
    page = html(client, f"{PAGE}?outcome=rolled-back")
    assert page.count("Rolled back</span>") == page.count('<th scope="row">') == 2
    assert client.get(f"{JSON}?outcome=rolled-back").json()["count"] == 2


@pytest.mark.django_db
def test_filter_may_find_nothing(client: Client) -> None:
    assert "No release here has this outcome" in html(client, f"{PAGE}?outcome=rolled-back")


@pytest.mark.parametrize("address", [PAGE, JSON])
@pytest.mark.parametrize("query", ["page=0", "page=2", "page=x", "page=%00", "outcome=%00x"])
@pytest.mark.django_db
def test_page_or_outcome_that_is_not_there_is_not_found(
    client: Client, address: str, query: str
) -> None:
    assert "Not found" in html(client, f"{address}?{query}", status=404)


@pytest.mark.django_db
def test_json_of_nothing(client: Client) -> None:
    answer = client.get(JSON).json()
    assert (answer["live"], answer["releases"], answer["health"]) == (None, [], "ok")


def test_json_has_times_and_seconds(client: Client, make_releases: MakeReleases) -> None:
    make_releases(2)
    live, before = client.get(JSON).json()["releases"]
    assert before["seconds"] == 3600
    assert datetime.fromisoformat(before["ended"]) == datetime.fromisoformat(live["started"])
    assert live["ended"] is None


def test_json_leads_through_the_history(client: Client, make_releases: MakeReleases) -> None:
    make_releases(60)
    address, seen = f"{JSON}?outcome=superseded", []
    while address:
        answer = client.get(address).json()
        seen += [release["version"] for release in answer["releases"]]
        address = answer["next"]
    assert len(seen) == len(set(seen)) == answer["count"] == 44
    assert client.get(answer["previous"]).json()["previous"].endswith("?outcome=superseded&page=1")


@pytest.mark.parametrize(("address", "queries"), [(PAGE, 4), (JSON, 3)])
def test_queries_do_not_grow_with_the_history(
    client: Client,
    make_releases: MakeReleases,
    django_assert_num_queries: DjangoAssertNumQueries,
    address: str,
    queries: int,
) -> None:
    make_releases(45)
    with django_assert_num_queries(queries):
        client.get(address)


@pytest.mark.parametrize("address", [PAGE, JSON])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_pages_are_read_only(address: str, method: str) -> None:
    assert getattr(Client(enforce_csrf_checks=True), method)(address).status_code == 405


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.django_db
def test_visitor_gets_no_cookie(client: Client, active: bool) -> None:
    with override_flag("release_statistics", active=active):
        assert not client.get(PAGE).cookies


def test_statistics_stand_behind_their_flag(client: Client, make_releases: MakeReleases) -> None:
    make_releases(9)
    assert "The last 30 days" not in html(client)
    with override_flag("release_statistics", active=True):
        page = html(client)
    assert "<dt>Releases</dt><dd>9</dd>" in page
    assert "<dt>Rolled back</dt><dd>22 %</dd>" in page
    assert "<dt>Median time live</dt><dd>1 hour</dd>" in page


@override_flag("release_statistics", active=True)
@pytest.mark.django_db
def test_statistics_of_nothing(client: Client) -> None:
    assert "<dd>none ended</dd>" in html(client)


def test_error_page_needs_no_database(rf: RequestFactory) -> None:
    response = server_error(rf.get("/"))
    assert response.status_code == 500
    assert b'href="/static/releases/releases.css"' in response.content
    assert finders.find("releases/releases.css")
