"""Settings that all environments share."""

from typing import Any

from csp.constants import NONE, SELF

from myproject import logs
from myproject.release_names import LONGEST_COMMIT, LONGEST_VERSION

from .environment import BASE_DIR, at_most, env, positive, word

# The version and commit that are running; the image sets them.
APP_VERSION = env.str("APP_VERSION", "unknown", validate=word(LONGEST_VERSION)) or "unknown"
APP_COMMIT = env.str("APP_COMMIT", "unknown", validate=word(LONGEST_COMMIT)) or "unknown"
APP_CREATED = env.moment("APP_CREATED", "")

INSTALLED_APPS = [
    "apps.health",
    "apps.releases",
    "apps.users",
    "apps.dashboard",  # only with: releases
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "waffle",
]

MIDDLEWARE = [
    "myproject.request_id.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "apps.health.middleware.ReadinessMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the check for CSRF, which reads the form.
    "myproject.uploads.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "waffle.middleware.WaffleMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "myproject.urls"
WSGI_APPLICATION = "myproject.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "myproject" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "myproject" / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Five wrong passwords from one address for one name lock that pair for 15 minutes. Counting by
# name alone would let a stranger lock the staff out.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "myproject.client_ip.client_ip"
AXES_HANDLER = "myproject.lockout.Handler"
AXES_USERNAME_CALLABLE = "myproject.lockout.username"
# Attempts while locked out are not recorded: each record would make the next one larger.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False

# Nothing that a stranger sends is written to disk: see myproject/uploads.py.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Flags are read on every page: from the process's own memory, so that no page waits for Redis.
# A change in the admin reaches every process within ten seconds.
WAFFLE_CACHE_NAME = "flags"
CACHES: dict[str, dict[str, Any]] = {
    "flags": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "flags",
        "TIMEOUT": 10,
    },
}

# The pages load nothing from elsewhere and run no inline script. Change it here, in this one place:
# docs/fork.md#the-content-security-policy says how to see what it refused.
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}

# Seconds for all checks of /health/ together; the load balancer's limit must be higher.
HEALTH_TIMEOUT = env.float("HEALTH_TIMEOUT", 2.0, validate=[positive, at_most(60)])

# Pages that each worker requests of itself before it serves: those that most people see first.
WARM_UP_PATHS = [
    "/health/",
    "/releases/",  # only with: releases
    "/admin/login/",
]

BEHIND_LOAD_BALANCER = False


def logging(default_format: str) -> dict[str, Any]:
    """Return LOGGING according to LOG_FORMAT (json or text) and LOG_LEVEL."""
    log_format = env.str("LOG_FORMAT", default_format, validate=logs.check_format)
    level = env.str("LOG_LEVEL", "INFO", validate=logs.check_level)
    return logs.config(log_format, level)
