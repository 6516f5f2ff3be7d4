import importlib
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
import sentry_sdk
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
PRODUCTION = {
    "APP_ENVIRONMENT": "staging",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "ALLOWED_HOSTS": "example.com,www.example.com",
    "DATABASE_URL": "mysql://app:p%40ss@db:3307/app",
    "REDIS_URL": "rediss://cache:6380/1",
}
OWN = {*PRODUCTION, "DATABASE_READ_TIMEOUT", "HEALTH_TIMEOUT", "LOG_FORMAT", "LOG_LEVEL", "DEBUG"}
OWN |= {"SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SENTRY_DSN", "APP_VERSION", "APP_COMMIT"}
OWN |= {"DATABASE_CA", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD", "APP_CREATED"}


def clear(patch: pytest.MonkeyPatch) -> None:
    """Remove all of our variables, and every settings module that is imported."""
    for name in OWN:
        patch.delenv(name, raising=False)
    for name in [name for name in sys.modules if name.startswith("myproject.settings")]:
        patch.delitem(sys.modules, name)


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment without our variables; no settings module is imported."""
    before = dict(os.environ)
    clear(monkeypatch)
    yield monkeypatch
    # What a file .env adds is set by the settings themselves.
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


def load(name: str, environ: pytest.MonkeyPatch, **variables: str) -> ModuleType:
    for variable, value in variables.items():
        environ.setenv(variable, value)
    return importlib.import_module(f"myproject.settings.{name}")


def refusal(name: str, environ: pytest.MonkeyPatch, **variables: str) -> list[str]:
    with pytest.raises(ImproperlyConfigured) as refused:
        load(name, environ, **variables)
    return [line.strip() for line in str(refused.value).splitlines()[1:]]


def test_local_settings_need_no_variable(environ: pytest.MonkeyPatch) -> None:
    environ.setattr("myproject.settings.environment.BASE_DIR", Path("/nonexistent"), raising=False)
    local = load("local", environ)
    assert local.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert local.CACHES["default"]["BACKEND"].endswith("LocMemCache")
    assert (local.DEBUG, local.APP_ENVIRONMENT) == (True, "local")


def test_local_settings_can_use_mysql_and_redis(environ: pytest.MonkeyPatch) -> None:
    urls = {name: PRODUCTION[name] for name in ("DATABASE_URL", "REDIS_URL")}
    local = load("local", environ, **urls)
    assert local.DATABASES["default"]["HOST"] == "db"
    assert local.CACHES["default"]["LOCATION"] == PRODUCTION["REDIS_URL"]


def test_test_settings_never_use_sqlite(environ: pytest.MonkeyPatch) -> None:
    assert refusal("test", environ, DATABASE_URL="sqlite:///db.sqlite3") == [
        "DATABASE_URL: must start with mysql://",
        "REDIS_URL: is not set",
        "SECRET_KEY: is not set",
    ]


def test_production_reports_every_missing_variable(environ: pytest.MonkeyPatch) -> None:
    assert refusal("production", environ) == [f"{name}: is not set" for name in sorted(PRODUCTION)]


def test_production_reports_every_empty_variable(environ: pytest.MonkeyPatch) -> None:
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
        ("ALLOWED_HOSTS", "*", "must name the hosts: with *, a client's own host gets into links"),
        ("ALLOWED_HOSTS", "a.example,", "is empty"),
        ("ALLOWED_HOSTS", "a.example, https://b.example", "has 'https://b.example', and a host is"),
        ("ALLOWED_HOSTS", "a.example:8000", "has 'a.example:8000', and a host is"),
        ("ALLOWED_HOSTS", "*.a.example", "has '*.a.example', and a host is"),
        ("ALLOWED_HOSTS", "a.example/", "has 'a.example/', and a host is"),
        ("ALLOWED_HOSTS", "a.example b.example", "has 'a.example b.example', and a host is"),
        ("ALLOWED_HOSTS", "a.example.", "has 'a.example.', and a host is"),
        ("ALLOWED_HOSTS", "bücher.example", "has 'bücher.example', and a host is"),
        ("ALLOWED_HOSTS", ".", "has '.', and a host is"),
        ("ALLOWED_HOSTS", "::1", "has '::1', and a host is"),
        ("APP_ENVIRONMENT", "two words", "must be one word of at most 64 ASCII characters"),
        ("APP_ENVIRONMENT", "x" * 65, "must be one word of at most 64 ASCII characters"),
        ("APP_VERSION", "1.2.3 (beta)", "must be one word of at most 128 ASCII characters"),
        ("APP_COMMIT", "é", "must be one word of at most 64 ASCII characters"),
        ("SECRET_KEY", "short", "must be 50 random characters or more"),
        ("SECRET_KEY", "x" * 60, "must be 50 random characters or more"),
        ("SECRET_KEY", "django-insecure-" + "0123456789" * 5, "begins with django-insecure-"),
        ("DATABASE_URL", "postgres://u:p@h/n", "must start with mysql://"),
        ("DATABASE_URL", "mysql://u:p@h:port/n", "is not a URL such as mysql://"),
        ("DATABASE_URL", "mysql://u:p@h:3306", "names no database"),
        ("DATABASE_URL", "mysql:///n", "names no host"),
        ("DATABASE_URL", "mysql://u:p[@h/n", "is not a URL such as mysql://"),
        ("DATABASE_URL", "mysql://u:1#2@h/n", "is not a URL such as mysql://"),
        ("DATABASE_URL", "mysql://u:1/2@h/n", "has a / or @ that is not percent-encoded"),
        ("DATABASE_URL", "mysql://u:p@h:0/n", "is not a URL such as mysql://"),
        ("DATABASE_URL", "mysql://u:p@h/n?ssl_mode=", "is not a URL such as mysql://"),
        ("DATABASE_URL", "mysql://u:p@h/n?sslmode=require", "has an option"),
        ("DATABASE_URL", "mysql://u:p@h/n?ssl_mode=required", "has an option"),
        ("DATABASE_URL", "mysql://u:p@h/n?connect_timeout=x", "has an option"),
        ("DATABASE_URL", "mysql://u:p@h/n?isolation_level=x", "has an option"),
        ("DATABASE_URL", "mysql://u:p@h/n?ssl=true", "asks for TLS without verification"),
        ("DATABASE_URL", f"mysql://u:p@h/n?ssl-ca={__file__}", "asks for TLS without verification"),
        ("DATABASE_URL", "mysql://u:p@h/n?ssl-ca=/nowhere", "names a file that does not exist"),
        ("DATABASE_CA", "RDS", "is neither rds nor certificates in PEM form"),
        ("DATABASE_CA", "-----BEGIN CERTIFICATE-----", "is neither rds nor certificates in PEM"),
        ("DATABASE_READ_TIMEOUT", "99999999999", "must be 86400 or less"),
        ("DATABASE_READ_TIMEOUT", "-1", "must be 0 or more"),
        ("DATABASE_READ_TIMEOUT", "soon", "Not a valid integer"),
        ("REDIS_URL", "http://h", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://h:port", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://:p[@h", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://h,redis://g", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://h/cache", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://h/1/2", "is not a URL such as redis://"),
        ("REDIS_URL", "redis://h?db=x", "has an option"),
        ("REDIS_URL", "redis://h?timeout=5", "has an option"),
        ("REDIS_URL", "rediss://h?ssl_cert_reqs=CERT_NONE", "has an option"),
        ("REDIS_URL", "rediss://h?ssl_ca_certs=/nowhere", "names a file that does not exist"),
        ("HEALTH_TIMEOUT", "0", "must be more than 0"),
        ("HEALTH_TIMEOUT", "nan", "Special numeric values (nan or infinity) are not permitted."),
        ("HEALTH_TIMEOUT", "inf", "Special numeric values (nan or infinity) are not permitted."),
        ("HEALTH_TIMEOUT", "1e300", "must be 60 or less"),
        ("LOG_FORMAT", "xml", "must be one of: json, text"),
        ("LOG_LEVEL", "loud", "must be one of: CRITICAL"),
        ("SECURE_SSL_REDIRECT", "perhaps", "Not a valid boolean"),
        ("SECURE_HSTS_SECONDS", "-1", "must be 0 or more"),
        ("APP_CREATED", "2026-01-31T12:00:00", "is not a time such as"),
        ("APP_CREATED", "yesterday", "is not a time such as"),
        ("SENTRY_DSN", "https://sentry.example/1", "is not a DSN such as"),
        ("SENTRY_DSN", "https://key@sentry.example:port/1", "is not a DSN such as"),
        ("SENTRY_DSN", "https://key@sentry.example/project", "is not a DSN such as"),
        ("SENTRY_DSN", "http://key@sentry.example/1", "is not a DSN such as"),
    ],
)
def test_production_refuses_an_invalid_value(
    environ: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    (line,) = refusal("production", environ, **PRODUCTION | {name: value})
    assert line.startswith(f"{name}: {problem}")


@pytest.mark.parametrize(
    "url", ["{}://u:hunter2@h:x/0", "{}://u:hunter2[@h/0", "{}://u:hunter2@h/0?x=y"]
)
def test_an_error_message_contains_no_secret(environ: pytest.MonkeyPatch, url: str) -> None:
    secrets = {"SECRET_KEY": "hunter2", "SENTRY_DSN": "https://hunter2@h:x/1"}
    secrets |= {"DATABASE_URL": url.format("mysql"), "REDIS_URL": url.format("redis")}
    refused = refusal("production", environ, **PRODUCTION | secrets)
    assert len(refused) == 4
    assert "hunter2" not in " ".join(refused)


FORMS = [(name, "{}") for name in sorted(OWN)]
FORMS += [("DATABASE_URL", f"mysql://{rest}") for rest in ("u:{}@h/n", "u:p@{}/n", "h/{}")]
FORMS += [("DATABASE_URL", f"mysql://h/n?{rest}") for rest in ("{}=1", "ssl_mode={}", "ssl={}")]
FORMS += [("REDIS_URL", f"redis://{rest}") for rest in (":{}@h", "{}", "h/{}", "h?{}=1", "h?db={}")]
FORMS += [("SENTRY_DSN", f"https://{rest}") for rest in ("{}@h/1", "k@{}", "k@h/{}")]
SPECIAL = "abc019:/?#[]@!$&'()*+,;=%-._~ \n\u00e9\u0661\U0001f600"


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(st.sampled_from(FORMS), st.text(SPECIAL, max_size=12))
def test_any_value_is_accepted_or_reported(form: tuple[str, str], odd: str) -> None:
    name, value = form[0], form[1].format(odd)
    with pytest.MonkeyPatch.context() as patch:
        clear(patch)
        patch.setattr(sentry_sdk, "init", lambda **options: None)
        for variable, known in (PRODUCTION | {name: value}).items():
            patch.setenv(variable, known)
        try:
            production = importlib.import_module("myproject.settings.production")
            reports = production.CONTENT_SECURITY_POLICY["DIRECTIVES"].get("report-uri", "")
            assert reports.isascii() and not set(reports) & set("; ,\n")
        except ImproperlyConfigured as refused:
            assert str(refused).splitlines()[1].startswith(f"  {name}: ")
            assert len(str(refused).splitlines()) == 2


def test_tolerable_spellings_are_accepted(environ: pytest.MonkeyPatch) -> None:
    variables = {
        "ALLOWED_HOSTS": " example.com, .example.org ,[::1]",
        "DATABASE_URL": "mysql://app:p@db/app?ssl_mode=REQUIRED\n",
        "REDIS_URL": " redis://:pa,ss;word@cache/1?username=/a",
        "SENTRY_DSN": " ",
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "JSON",
        "APP_VERSION": "",
        "APP_CREATED": " 2026-01-31T12:00:00+02:00\n",
    }
    production = load("production", environ, **PRODUCTION | variables)
    assert datetime(2026, 1, 31, 10, tzinfo=UTC) == production.APP_CREATED
    assert production.ALLOWED_HOSTS == ["example.com", ".example.org", "[::1]"]
    assert production.DATABASES["default"]["OPTIONS"]["ssl_mode"] == "REQUIRED"
    assert production.CACHES["default"]["LOCATION"] == "redis://:pa,ss;word@cache/1?username=/a"
    assert production.SENTRY_DSN == ""
    assert production.LOGGING["root"]["level"] == "DEBUG"
    assert "()" in production.LOGGING["formatters"]["default"]
    assert production.APP_VERSION == "unknown"


def test_production_limits_every_wait_for_a_server(environ: pytest.MonkeyPatch) -> None:
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


def test_a_migration_may_wait_without_a_limit(environ: pytest.MonkeyPatch) -> None:
    production = load("production", environ, **PRODUCTION, DATABASE_READ_TIMEOUT="0")
    assert "read_timeout" not in production.DATABASES["default"]["OPTIONS"]


def test_optional_variables_can_be_set(environ: pytest.MonkeyPatch) -> None:
    chosen = {"HEALTH_TIMEOUT": "0.5", "LOG_FORMAT": "text", "LOG_LEVEL": "DEBUG"}
    production = load("production", environ, **PRODUCTION | chosen)
    assert production.HEALTH_TIMEOUT == 0.5
    assert production.LOGGING["root"]["level"] == "DEBUG"
    assert "style" in production.LOGGING["formatters"]["default"]


def test_options_in_the_url_override_the_defaults(environ: pytest.MonkeyPatch) -> None:
    url = PRODUCTION["DATABASE_URL"] + "?connect_timeout=7"
    production = load("production", environ, **PRODUCTION | {"DATABASE_URL": url})
    assert production.DATABASES["default"]["OPTIONS"]["connect_timeout"] == 7


def test_database_ca_requires_a_certificate_of_rds(environ: pytest.MonkeyPatch) -> None:
    url = PRODUCTION["DATABASE_URL"] + "?ssl_mode=REQUIRED"
    production = load(
        "production", environ, **PRODUCTION | {"DATABASE_URL": url}, DATABASE_CA="rds"
    )
    options = production.DATABASES["default"]["OPTIONS"]
    assert options["ssl_mode"] == "VERIFY_IDENTITY"
    assert Path(options["ssl"]["ca"]).samefile(ROOT / "myproject/certificates/rds.pem")


def test_the_certificates_of_rds_are_long_lived_roots() -> None:
    context = ssl.create_default_context(cafile=str(ROOT / "myproject/certificates/rds.pem"))
    roots = context.get_ca_certs()
    assert len(roots) > 25
    for root in roots:
        assert root["subject"] == root["issuer"]
        assert re.search(r"'Amazon RDS [a-z0-9-]+ Root CA RSA2048 G1'", str(root["subject"]))
        assert ssl.cert_time_to_seconds(str(root["notAfter"])) > time.time() + 365 * 86_400


def test_plain_http_can_be_allowed(
    environ: pytest.MonkeyPatch,
) -> None:
    production = load("production", environ, **PRODUCTION, SECURE_SSL_REDIRECT="false")
    assert production.SECURE_SSL_REDIRECT is False


@pytest.mark.parametrize("name", ["SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD"])
def test_hsts_for_other_hosts_is_off_by_default(environ: pytest.MonkeyPatch, name: str) -> None:
    assert getattr(load("production", environ, **PRODUCTION), name) is False
    clear(environ)
    assert getattr(load("production", environ, **PRODUCTION, **{name: "true"}), name) is True


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


def test_sentry_gets_violations_of_the_content_security_policy(
    environ: pytest.MonkeyPatch,
) -> None:
    environ.setattr(sentry_sdk, "init", lambda **options: None)
    variables = {"SENTRY_DSN": "https://key@sentry.example/path/1", "APP_VERSION": "1.2.3"}
    policy = load("production", environ, **PRODUCTION | variables).CONTENT_SECURITY_POLICY
    assert policy["DIRECTIVES"]["default-src"] == ["'none'"]
    assert policy["DIRECTIVES"]["report-uri"] == (
        "https://sentry.example/path/api/1/security/"
        "?sentry_key=key&sentry_environment=staging&sentry_release=1.2.3"
    )


def test_the_environment_overrides_the_env_file(
    environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = load("environment", environ, APP_ENVIRONMENT="set")
    (tmp_path / ".env").write_text("APP_ENVIRONMENT=file\nAPP_VERSION=file\n")
    environment.read_file(tmp_path / ".env")
    assert environment.env.str("APP_ENVIRONMENT") == "set"
    assert environment.env.str("APP_VERSION") == "file"


def test_values_of_the_env_file_are_not_expanded(
    environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = load("environment", environ)
    lines = ["\ufeffAPP_VERSION=p${HOME}b", "export APP_COMMIT = 'a b' # why", "LOG_LEVEL=", ""]
    (tmp_path / ".env").write_text("\n".join(lines))
    environment.read_file(tmp_path / ".env")
    assert environment.env.str("APP_VERSION") == "p${HOME}b"
    assert environment.env.str("APP_COMMIT") == "a b"
    assert environment.env.str("LOG_LEVEL") == ""


@pytest.mark.parametrize(
    "line", ["DEBUG: false", "SECRET_KEY='abc", 'SECRET_KEY="abc', "DEBUG", "a b=c"]
)
def test_an_invalid_line_of_the_env_file_is_reported(
    environ: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    environment = load("environment", environ)
    (tmp_path / ".env").write_text(f"APP_VERSION=file\n{line}\n")
    with pytest.raises(
        ImproperlyConfigured, match=r"^\.env can't be read: not NAME=value: line 2$"
    ):
        environment.read_file(tmp_path / ".env")
    assert environment.env.str("APP_VERSION", "") == ""


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_an_unreadable_env_file_is_reported(
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


def test_two_readers_share_one_error_message(environ: pytest.MonkeyPatch) -> None:
    environment = load("environment", environ, PORT="x")
    environment.env.str("APP_VERSION")
    environment.reader().int("PORT")
    with pytest.raises(ImproperlyConfigured, match=r"APP_VERSION: is not set\n  PORT: Not a valid"):
        environment.check()


def test_gunicorn_reports_invalid_settings_too() -> None:
    variables = {"PORT": "70000", "WEB_WORKERS": "0", "WEB_THREADS": "x", "LOG_LEVEL": "loud"}
    variables |= PRODUCTION | {"ALLOWED_HOSTS": "*", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "gunicorn", "--check-config"]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    names = [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]]
    assert names == ["ALLOWED_HOSTS", "LOG_LEVEL", "PORT", "WEB_THREADS", "WEB_WORKERS"]
    assert done.returncode == 1


def test_every_variable_is_in_env_example() -> None:
    sources = [*ROOT.glob("myproject/settings/*.py"), ROOT / "gunicorn.conf.py"]
    words = " ".join(path.read_text() for path in sources)
    read = set(re.findall(r"""\benv\.\w+\(\s*"([A-Z_]+)\"""", words))
    assert read >= OWN
    example = (ROOT / ".env.example").read_text()
    assert [name for name in sorted(read) if f"{name}=" not in example] == []
