"""Settings of staging and production; the service refuses to start if a variable is missing."""

from myproject.release_names import LONGEST_ENVIRONMENT

from . import environment, parsers
from .base import *
from .environment import env, filled, not_negative, word

APP_ENVIRONMENT = env.str("APP_ENVIRONMENT", validate=[filled, word(LONGEST_ENVIRONMENT)])
SECRET_KEY = env.str("SECRET_KEY", validate=environment.secret)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", any_host=False)

DATABASES = {"default": environment.database("mysql")}
CACHES["default"] = environment.redis_cache()

# TLS ends at the load balancer, which sets this header and removes it from clients' requests.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000, validate=not_negative)
# Both bind other hosts than this one, the second for months: a choice, no default.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
WAFFLE_SECURE = True

# Only the load balancer reaches the service, and it appends the address of the client.
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
    reports = parsers.csp_reports(SENTRY_DSN, environment=APP_ENVIRONMENT, release=APP_VERSION)
    CONTENT_SECURITY_POLICY = {
        "DIRECTIVES": CONTENT_SECURITY_POLICY["DIRECTIVES"] | {"report-uri": reports}
    }
