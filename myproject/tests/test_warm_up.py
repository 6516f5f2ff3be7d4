from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from apps.health import checks
from myproject.warm_up import Application, load_code, warm_up

THREADS = 3
Asked = list[tuple[str, str]]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool


@pytest.fixture
def asked() -> Asked:
    """The host and path of each request that the application got."""
    return []


@pytest.fixture
def application(asked: Asked) -> Application:
    def application(environ: dict[str, Any], start_response: Any) -> BytesIO:
        asked.append((environ["HTTP_HOST"], environ["PATH_INFO"]))
        start_response("200 OK", [])
        return BytesIO(b"a page")

    return application


@pytest.mark.django_db
def test_each_thread_requests_the_warm_up_pages_with_an_allowed_host(
    pool: ThreadPoolExecutor,
    application: Application,
    asked: Asked,
    settings: Settings,
) -> None:
    settings.ALLOWED_HOSTS = [".example.com", "localhost"]
    settings.HEALTH_TIMEOUT = 60
    warm_up(application, pool, THREADS)
    wanted = [("example.com", path) for path in settings.WARM_UP_PATHS]
    assert sorted(asked) == sorted(wanted * THREADS)


def test_no_page_is_requested_while_the_database_is_down(
    pool: ThreadPoolExecutor,
    application: Application,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "run", lambda timeout: {"database": checks.Result("failed", 1)})
    warm_up(application, pool, THREADS)
    assert asked == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", settings.WARM_UP_PATHS)
def test_each_warm_up_page_exists(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_template_for_a_missing_package_is_skipped(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("{% load of_another_package %}")
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}
    ]
    load_code()
