"""MySQL and Redis of the benchmark, and counters of what was asked of them."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import MySQLdb
import redis

from . import servers
from .report import NotMeasured, last_line


@dataclass(frozen=True)
class Services:
    """Both servers, and the environment in which the subjects run."""

    environment: dict[str, str]
    mysql: Any
    redis: redis.Redis

    def connections(self) -> tuple[int, int]:
        """Return how many connections MySQL and Redis have accepted so far."""
        with self.mysql.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Connections'")
            accepted = int(cursor.fetchone()[1])
        return accepted, int(self.redis.info("stats")["total_connections_received"])

    def environment_with_tls(self) -> dict[str, str]:
        """Return the environment with encrypted connections to MySQL."""
        with self.mysql.cursor() as cursor:
            cursor.execute("SHOW GLOBAL VARIABLES LIKE 'have_ssl'")
            have_ssl = dict(cursor.fetchall()).get("have_ssl", "YES")  # MySQL 8.4 always has it
        if have_ssl != "YES":
            raise NotMeasured("this MySQL has no TLS: install openssl, or set DATABASE_URL")
        url = urlsplit(self.environment["DATABASE_URL"])
        encrypted = urlunsplit(url._replace(query="ssl_mode=REQUIRED"))
        return self.environment | {"DATABASE_URL": encrypted}

    def versions(self) -> str:
        with self.mysql.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            mysql = str(cursor.fetchone()[0])
        name = "" if "MariaDB" in mysql else "MySQL "
        return f"{name}{mysql}, Redis {self.redis.info('server')['redis_version']}"


@contextmanager
def services() -> Iterator[Services]:
    """Yield both servers with a migrated database, which is dropped after the block."""
    database_url, redis_url = os.environ["DATABASE_URL"], os.environ["REDIS_URL"]
    name = f"bench_{secrets.token_hex(4)}"
    url = urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
    environment = servers.production(url, redis_url)
    try:
        with (
            closing(_connect(database_url)) as mysql,
            redis.Redis.from_url(redis_url) as cache,
            _database(mysql, name),
        ):
            cache.ping()
            _manage(environment, "migrate")
            _manage(environment, "collectstatic")  # its pages answer 500 without their files
            provided = Services(environment, mysql, cache)
            print(f"  with {provided.versions()}")
            yield provided
    except MySQLdb.Error as error:
        raise NotMeasured(f"DATABASE_URL: the database can't be used: {error.args[-1]}") from None
    except redis.RedisError as error:
        raise NotMeasured(f"REDIS_URL: Redis can't be used: {error}") from None


def _connect(url: str) -> Any:
    parts = urlsplit(url)
    return MySQLdb.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        autocommit=True,
    )


@contextmanager
def _database(mysql: Any, name: str) -> Iterator[None]:
    _execute(mysql, f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
    try:
        yield
    finally:
        _execute(mysql, f"DROP DATABASE `{name}`")


def _execute(mysql: Any, statement: str) -> None:
    with mysql.cursor() as cursor:
        cursor.execute(statement)


def _manage(environment: dict[str, str], *command: str) -> None:
    """Run a command of the service with its production settings; raise NotMeasured if it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command, "--no-input", "--verbosity=0"],
        cwd=servers.ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "myproject.settings.production"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise NotMeasured(f"{command[0]} failed: {last_line(done.stderr)}")
