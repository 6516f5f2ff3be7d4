"""A rotation on a real MySQL, with the image's own command, while tasks open connections."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import MySQLdb
import pytest

from delivery.paths import INFRA
from tests.delivery.deploy.test_rollback import Site, site
from tests.delivery.fake_rds import FakeRds, Rotation
from tests.delivery.kill_switch import KillSwitch

__all__ = ["site"]
ROOT = INFRA.parent
USER = f"rotating_{os.getpid()}"


class RealRds(FakeRds):
    """FakeRds with a real MySQL; its switch counts what tasks do."""

    def __init__(self, server: Any) -> None:
        super().__init__(KillSwitch())
        self.server = server
        self.opened, self.refused = 0, list[str]()

    def changed(self) -> None:
        """Let every task open some connections."""
        enough = self.opened + 5
        while self.opened < enough and not self.refused:
            time.sleep(0.001)

    def run_task(self, options: dict[str, str]) -> Any:
        command = json.loads(options["--overrides"])["containerOverrides"][0]["command"]
        mysql = f"mysql://{USER}:{self.url}@{self.server.hostname}:{self.server.port}/mysql"
        variables = {"DATABASE_URL": mysql, "REDIS_URL": "redis://127.0.0.1:1/0", "SECRET_KEY": "x"}
        variables["DJANGO_SETTINGS_MODULE"] = "myproject.settings.test"
        done = subprocess.run(
            [sys.executable, *command[1:]],
            cwd=ROOT,
            env=os.environ | variables,
            capture_output=True,
            text=True,
        )
        assert self.url not in done.stdout + done.stderr
        answer = super().run_task(options)
        self.task = {"lastStatus": "STOPPED", "containers": [self.container(done.returncode)]}
        return answer

    def cloudformation(self, number: int) -> None:
        statement = f"ALTER USER {USER}@'%%' IDENTIFIED BY %s"
        as_admin(self.server, statement, f"password-{number}")
        super().cloudformation(number)

    def open_connections(self, end: Event) -> None:
        """Open connections as tasks do, each with the password from its start."""
        while not end.wait(0.005):
            for password in list(self.tasks):
                try:
                    connect(self.server, USER, password).close()
                    self.opened += 1
                except MySQLdb.OperationalError as error:
                    self.refused.append(str(error))


def connect(server: Any, user: str, password: str) -> Any:
    return MySQLdb.connect(host=server.hostname, port=server.port, user=user, password=password)


def as_admin(server: Any, statement: str, *values: str) -> str:
    connection = connect(server, unquote(server.username), unquote(server.password or ""))
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        row = cursor.fetchone()
    return str(row[0]) if row else ""


@pytest.fixture
def rds(site: Site) -> Iterator[RealRds]:
    server = urlsplit(os.environ["DATABASE_URL"])
    if "MariaDB" in as_admin(server, "SELECT VERSION()"):
        pytest.skip("MariaDB keeps no second password: only MySQL shows this")
    as_admin(server, f"CREATE USER {USER}@'%' IDENTIFIED BY 'password-1'")
    try:
        # RDS's own user may do nearly everything.
        as_admin(server, f"GRANT ALL ON *.* TO {USER}@'%'")
        site.ecs = rds = RealRds(server)
        end = Event()
        tasks = Thread(target=rds.open_connections, args=[end])
        tasks.start()
        yield rds
        end.set()
        tasks.join()
    finally:
        as_admin(server, f"DROP USER {USER}@'%'")


def test_no_connection_is_refused_while_the_password_changes(rds: RealRds, tmp_path: Path) -> None:
    path = Path(shutil.copy(INFRA / "parameters/staging.json", tmp_path))
    Rotation("staging", rds, path, yes=True, seconds=0).rotate()
    rds.changed()
    assert (rds.refused, rds.opened > 100) == ([], True)
    assert rds.acts == ["keep", "check", "discard"]
    assert rds.tasks == {"password-2"}
    with pytest.raises(MySQLdb.OperationalError, match="Access denied"):
        connect(rds.server, USER, "password-1")


def test_without_the_second_password_connections_are_refused(
    rds: RealRds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.copy(INFRA / "parameters/staging.json", tmp_path))
    rotation = Rotation("staging", rds, path, yes=True, seconds=0)
    monkeypatch.setattr(rotation, "task", lambda act: None)
    rotation.rotate()
    assert rds.refused
