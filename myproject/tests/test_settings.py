import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import sentry_sdk
from django.core.exceptions import ImproperlyConfigured

PRODUCTION = {
    "APP_ENVIRONMENT": "staging",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "ALLOWED_HOSTS": "example.com,www.example.com",
    "DATABASE_URL": "mysql://app:p%40ss@db:3307/app",
    "REDIS_URL": "rediss://cache:6380/1",
}
OWN = {*PRODUCTION, "DATABASE_READ_TIMEOUT", "HEALTH_TIMEOUT", "LOG_FORMAT", "LOG_LEVEL", "DEBUG"}
OWN |= {"SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SENTRY_DSN", "APP_VERSION", "APP_COMMIT"}


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without any of our variables, and no settings module imported yet."""
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in sys.modules if name.startswith("myproject.settings")]:
        monkeypatch.delitem(sys.modules, name)
    return monkeypatch


def load(name: str, environ: pytest.MonkeyPatch, **variables: str) -> ModuleType:
    for variable, value in variables.items():
        environ.setenv(variable, value)
    return importlib.import_module(f"myproject.settings.{name}")


def refusal(name: str, environ: pytest.MonkeyPatch, **variables: str) -> list[str]:
    with pytest.raises(ImproperlyConfigured) as refused:
        load(name, environ, **variables)
    return [line.strip() for line in str(refused.value).splitlines()[1:]]


def test_local_needs_no_variable(environ: pytest.MonkeyPatch) -> None:
    environ.setattr("myproject.settings.environment.BASE_DIR", Path("/nonexistent"), raising=False)
    local = load("local", environ)
    assert local.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert local.CACHES["default"]["BACKEND"].endswith("LocMemCache")
    assert (local.DEBUG, local.APP_ENVIRONMENT) == (True, "local")


def test_local_takes_mysql_and_redis(environ: pytest.MonkeyPatch) -> None:
    urls = {name: PRODUCTION[name] for name in ("DATABASE_URL", "REDIS_URL")}
    local = load("local", environ, **urls)
    assert local.DATABASES["default"]["HOST"] == "db"
    assert local.CACHES["default"]["LOCATION"] == PRODUCTION["REDIS_URL"]


def test_test_never_falls_back_to_sqlite(environ: pytest.MonkeyPatch) -> None:
    assert refusal("test", environ, DATABASE_URL="sqlite:///db.sqlite3") == [
        "DATABASE_URL: must start with mysql://",
        "REDIS_URL: is not set",
        "SECRET_KEY: is not set",
    ]


def test_production_names_everything_that_is_missing(environ: pytest.MonkeyPatch) -> None:
    assert refusal("production", environ) == [f"{name}: is not set" for name in sorted(PRODUCTION)]


def test_production_names_everything_that_is_empty(environ: pytest.MonkeyPatch) -> None:
    assert refusal("production", environ, **dict.fromkeys(PRODUCTION, "")) == [
        "ALLOWED_HOSTS: is empty",
        "APP_ENVIRONMENT: is empty",
        "DATABASE_URL: must start with mysql://",
        "REDIS_URL: is not a URL such as redis://host:6379/0",
        "SECRET_KEY: must be 50 random characters or more",
    ]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("ALLOWED_HOSTS", "*", "must name the hosts; * lets anybody poison links with theirs"),
        ("ALLOWED_HOSTS", "a.example,", "is empty"),
        ("SECRET_KEY", "short", "must be 50 random characters or more"),
        ("SECRET_KEY", "x" * 60, "must be 50 random characters or more"),
        ("DATABASE_URL", "postgres://u:p@h/n", "must start with mysql://"),
        ("DATABASE_URL", "mysql://u:p@h:port/n", "is not a URL such as mysql://"),
        ("DATABASE_URL", "mysql://u:p@h:3306", "names no database"),
        ("DATABASE_URL", "mysql:///n", "names no host"),
        ("DATABASE_READ_TIMEOUT", "-1", "must be 0 or more"),
        ("DATABASE_READ_TIMEOUT", "soon", "Not a valid integer"),
        ("REDIS_URL", "http://h", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://h:port", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://", "is not a URL such as redis://"),
        ("HEALTH_TIMEOUT", "0", "must be more than 0"),
        ("LOG_FORMAT", "xml", "must be one of: json, text"),
        ("LOG_LEVEL", "loud", "must be one of: CRITICAL"),
        ("SECURE_SSL_REDIRECT", "perhaps", "Not a valid boolean"),
        ("SENTRY_DSN", "https://sentry.example/1", "is not a DSN such as"),
    ],
)
def test_production_refuses(
    environ: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    (line,) = refusal("production", environ, **PRODUCTION | {name: value})
    assert line.startswith(f"{name}: {problem}")


def test_a_refusal_repeats_no_secret(environ: pytest.MonkeyPatch) -> None:
    secrets = {"SECRET_KEY": "hunter2", "DATABASE_URL": "mysql://u:hunter2@h:x/n"}
    assert "hunter2" not in " ".join(refusal("production", environ, **PRODUCTION | secrets))


def test_production_bounds_every_wait_for_a_server(environ: pytest.MonkeyPatch) -> None:
    production = load("production", environ, **PRODUCTION)
    database, redis = production.DATABASES["default"], production.CACHES["default"]
    assert (database["PASSWORD"], database["PORT"]) == ("p@ss", 3307)
    assert database["CONN_MAX_AGE"] == 600
    assert database["CONN_HEALTH_CHECKS"] is True
    assert database["OPTIONS"]["charset"] == "utf8mb4"
    assert "STRICT_TRANS_TABLES" in database["OPTIONS"]["sql_mode"]
    assert database["OPTIONS"]["connect_timeout"] == 2
    assert database["OPTIONS"]["read_timeout"] == database["OPTIONS"]["write_timeout"] == 10
    assert redis["OPTIONS"] == {"socket_connect_timeout": 1, "socket_timeout": 1}


def test_a_migration_may_wait_for_ever(environ: pytest.MonkeyPatch) -> None:
    production = load("production", environ, **PRODUCTION, DATABASE_READ_TIMEOUT="0")
    assert "read_timeout" not in production.DATABASES["default"]["OPTIONS"]


def test_what_is_optional_can_be_set(environ: pytest.MonkeyPatch) -> None:
    chosen = {"HEALTH_TIMEOUT": "0.5", "LOG_FORMAT": "text", "LOG_LEVEL": "DEBUG"}
    production = load("production", environ, **PRODUCTION | chosen)
    assert production.HEALTH_TIMEOUT == 0.5
    assert production.LOGGING["root"]["level"] == "DEBUG"
    assert "style" in production.LOGGING["formatters"]["default"]


def test_options_in_the_url_win(environ: pytest.MonkeyPatch) -> None:
    url = PRODUCTION["DATABASE_URL"] + "?connect_timeout=7"
    production = load("production", environ, **PRODUCTION | {"DATABASE_URL": url})
    assert production.DATABASES["default"]["OPTIONS"]["connect_timeout"] == 7


def test_plain_http_can_be_allowed_where_there_is_no_certificate(
    environ: pytest.MonkeyPatch,
) -> None:
    production = load("production", environ, **PRODUCTION, SECURE_SSL_REDIRECT="false")
    assert production.SECURE_SSL_REDIRECT is False


def test_errors_are_tracked_when_a_dsn_is_set(environ: pytest.MonkeyPatch) -> None:
    # A real client, which is not let loose on the rest of the tests.
    clients: list[sentry_sdk.Client] = []
    environ.setattr(
        sentry_sdk, "init", lambda **options: clients.append(sentry_sdk.Client(**options))
    )
    variables = {"SENTRY_DSN": "https://key@sentry.example/1", "APP_VERSION": "1.2.3"}
    load("production", environ, **PRODUCTION | variables)
    assert clients[0].options["environment"] == "staging"
    assert clients[0].options["release"] == "1.2.3"
    assert clients[0].dsn == variables["SENTRY_DSN"]


def test_a_file_adds_to_what_is_set(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = load("environment", environ, APP_ENVIRONMENT="set")
    (tmp_path / ".env").write_text("APP_ENVIRONMENT=file\nAPP_VERSION=file\n")
    environment.read_file(tmp_path / ".env")
    assert environment.env.str("APP_ENVIRONMENT") == "set"
    assert environment.env.str("APP_VERSION") == "file"


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cant_be_read_is_named(
    environ: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    environment = load("environment", environ)
    path = tmp_path / ".env"
    if content:
        path.write_bytes(content)
    else:
        path.mkdir()
    with pytest.raises(ImproperlyConfigured, match=r"^\.env can't be read: "):
        environment.read_file(path)


def test_every_variable_is_explained() -> None:
    root = Path(__file__).parents[2]
    sources = [*root.glob("myproject/settings/*.py"), root / "gunicorn.conf.py"]
    words = " ".join(path.read_text() for path in sources)
    read = set(re.findall(r"""\benv\.\w+\(\s*"([A-Z_]+)\"""", words))
    assert read >= OWN
    example = (root / ".env.example").read_text()
    assert [name for name in sorted(read) if f"{name}=" not in example] == []
