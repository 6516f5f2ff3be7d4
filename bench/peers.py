"""The projects that ours is compared with. gunicorn loads them without our settings."""

import os
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import dj_database_url
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, path
from django.utils.module_loading import import_string

BODY = b'{"status": "ok"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]

# What `django-admin startproject` writes.
DEFAULT: dict[str, Any] = {
    "INSTALLED_APPS": [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    ],
}


def bare(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer without any framework."""
    start_response("200 OK", HEADERS)
    return [BODY]


def view(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns: list[URLPattern] = [path("", view)]


def minimal() -> WSGIApplication:
    """Return a project with one view only."""
    return _project(MIDDLEWARE=[])


def default() -> WSGIApplication:
    """Return a project with the apps and middleware of Django's own template."""
    return _project(**DEFAULT)


def health_check() -> WSGIApplication:
    """Return Django's own template with django-health-check and persistent connections."""
    application = _project(
        **DEFAULT | {"INSTALLED_APPS": [*DEFAULT["INSTALLED_APPS"], "health_check"]},
        DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=600)},
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": os.environ["REDIS_URL"],
            }
        },
    )
    view_class = import_string("health_check.views.HealthCheckView")
    checks = ["health_check.checks.Database", "health_check.checks.Cache"]
    urlpatterns.append(path("health/", view_class.as_view(checks=checks)))
    return application


def _project(**options: Any) -> WSGIApplication:
    settings.configure(
        SECRET_KEY="only-for-measuring",  # noqa: S106
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        **options,
    )
    return get_wsgi_application()
