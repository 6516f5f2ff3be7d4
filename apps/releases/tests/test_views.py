from datetime import datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from apps.releases.models import Release

from .conftest import MakeReleases

ADDRESS = "/releases.json"
NO_REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": "redis://127.0.0.1:1/0",
}


def test_releases_of_other_environments_are_not_shown(client: Client, db: None) -> None:
    Release.objects.record(version="7.7.7", commit="abc", environment="elsewhere")
    assert "7.7.7" not in client.get(ADDRESS).content.decode()


@pytest.mark.django_db
def test_json_shows_that_redis_is_down(client: Client, settings: Settings) -> None:
    settings.CACHES = settings.CACHES | {"default": NO_REDIS}
    assert client.get(ADDRESS).json()["checks"]["cache"] == "failed"


def test_filter_keeps_one_outcome(client: Client, make_releases: MakeReleases) -> None:
    make_releases(10)
    assert client.get(f"{ADDRESS}?outcome=rolled-back").json()["count"] == 2


@pytest.mark.parametrize("query", ["page=0", "page=2", "page=x", "page=%00", "outcome=%00x"])
@pytest.mark.django_db
def test_unknown_page_or_outcome_is_not_found(client: Client, query: str) -> None:
    assert client.get(f"{ADDRESS}?{query}").status_code == 404


@pytest.mark.django_db
def test_json_without_releases_is_empty(client: Client) -> None:
    answer = client.get(ADDRESS).json()
    assert (answer["live"], answer["releases"], answer["health"]) == (None, [], "ok")


def test_json_has_times_and_seconds(client: Client, make_releases: MakeReleases) -> None:
    make_releases(2)
    live, before = client.get(ADDRESS).json()["releases"]
    assert before["seconds"] == 3600
    assert datetime.fromisoformat(before["ended"]) == datetime.fromisoformat(live["started"])
    assert live["ended"] is None


def test_json_has_the_figures_of_delivery(client: Client, make_releases: MakeReleases) -> None:
    make_releases(9)
    assert client.get(ADDRESS).json()["figures"] == {
        "days": 30,
        "deployments": 7,
        "lead_time_seconds": None,
        "failed": 2,
        "recovery_seconds": 3600,
    }


def test_json_links_to_the_next_page_of_the_history(
    client: Client, make_releases: MakeReleases
) -> None:
    make_releases(60)
    address, seen = f"{ADDRESS}?outcome=superseded", []
    while address:
        answer = client.get(address).json()
        seen += [release["version"] for release in answer["releases"]]
        address = answer["next"]
    assert len(seen) == len(set(seen)) == answer["count"] == 44
    assert client.get(answer["previous"]).json()["previous"].endswith("?outcome=superseded&page=1")


def test_queries_do_not_grow_with_the_history(
    client: Client,
    make_releases: MakeReleases,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_releases(45)
    with django_assert_num_queries(4):
        client.get(ADDRESS)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_json_is_read_only(method: str) -> None:
    assert getattr(Client(enforce_csrf_checks=True), method)(ADDRESS).status_code == 405
