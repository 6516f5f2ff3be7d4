"""Settings of the tests, which use a real MySQL and Redis, from the variables of test.yml."""

from . import environment
from .base import *
from .environment import env

APP_ENVIRONMENT = "test"
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = ["testserver", "localhost"]

DATABASES = {"default": environment.database("mysql")}
# MariaDB's own default knows no emoji.
DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4"}
CACHES["default"] = environment.redis_cache()

# A slow machine is no outage; the tests of outages set their own limits.
PATIENCE = 60
HEALTH_TIMEOUT = PATIENCE
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = PATIENCE
CACHES["default"]["OPTIONS"] = dict.fromkeys(("socket_connect_timeout", "socket_timeout"), PATIENCE)

INSTALLED_APPS += ["django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    "include_apps": [
        "dashboard",  # only with: releases
        "releases",
        "users",
    ],
    # Steps that docs/migrations.md allows, each checked by a person against the code before it.
    "ignore_name": ["0007_drop_is_live", "0010_one_live_release"],
    "sql_analyser": "mysql",
    "warnings_as_errors": True,
}

# A fast hasher: slow hashing is for production.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Static files come directly from the apps: tests collect none.
WHITENOISE_AUTOREFRESH = True
LOGGING = logging("text")

environment.check()
