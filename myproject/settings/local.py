"""Settings for a developer's machine: no variable is required; SQLite and the in-process cache."""

from myproject.release_names import LONGEST_ENVIRONMENT

from . import environment
from .environment import env, word

environment.read_file(environment.BASE_DIR / ".env")

from .base import *  # noqa: E402

APP_ENVIRONMENT = env.str("APP_ENVIRONMENT", "local", validate=word(LONGEST_ENVIRONMENT))
DEBUG = env.bool("DEBUG", True)
# Only for this machine: production requires its own key.
SECRET_KEY = env.str("SECRET_KEY", "local-and-known-to-everybody")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", any_host=True)

DATABASES = {
    "default": environment.database(
        "sqlite", "mysql", default=f"sqlite:///{environment.BASE_DIR / 'db.sqlite3'}"
    )
}
CACHES["default"] = (
    environment.redis_cache()
    if env.str("REDIS_URL", "")
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
)

WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
LOGGING = logging("text")

environment.check()
