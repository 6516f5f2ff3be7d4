"""Staging and production: refuses to start without what it needs."""

from . import environment
from .base import *
from .environment import env

APP_ENVIRONMENT = env.str("APP_ENVIRONMENT", validate=environment.filled)
SECRET_KEY = env.str("SECRET_KEY", validate=environment.secret)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", validate=environment.hosts)

DATABASES = {"default": environment.database("mysql")}
CACHES["default"] = environment.redis_cache()

# TLS ends at the load balancer, which says so in a header that it never lets through from outside.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
WAFFLE_SECURE = True

# Only the load balancer reaches the service, and it adds the address of the caller.
BEHIND_LOAD_BALANCER = True

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = logging("json")

SENTRY_DSN = env.sentry_dsn("SENTRY_DSN", "")

environment.check()

if SENTRY_DSN:
    import sentry_sdk

    sentry_sdk.init(dsn=SENTRY_DSN, environment=APP_ENVIRONMENT, release=APP_VERSION)
