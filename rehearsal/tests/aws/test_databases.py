"""RDS for MySQL, with a fake Docker and a fake MySQL that record their calls."""

from __future__ import annotations

import contextlib
import io
import json
import ssl
import tarfile
from pathlib import Path
from typing import Any

import pymysql
import pytest
from docker.errors import NotFound
from ministack.services import ecs, rds
from ministack.services.cloudformation import provisioners

from rehearsal.aws import databases
from rehearsal.aws.records import Json
from rehearsal.tests.aws.conftest import ask

PROPERTIES = {
    "DBInstanceIdentifier": "myapp-staging",
    "Engine": "mysql",
    "EngineVersion": "8.4",
    "DBName": "myapp",
    "MasterUsername": "myapp",
    "MasterUserPassword": "first",
}


class Docker:
    """A fake Docker that makes one container and records its options."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.containers = self.networks = self

    def create(self, image: str, command: list[str], **options: Any) -> Docker:
        self.calls.append(("create", (image, command, options)))
        return self

    def get(self, name: str) -> Docker:
        if name.startswith("rehearsal-rds-") and not self.calls:
            raise NotFound("gone")
        return self

    def connect(self, container: Docker, aliases: list[str]) -> None:
        self.calls.append(("connect", aliases))

    def disconnect(self, container: Docker, force: bool) -> None:
        self.calls.append(("disconnect", force))

    def put_archive(self, path: str, archive: bytes) -> None:
        self.calls.append(("put_archive", (path, archive)))

    def start(self) -> None:
        self.calls.append(("start", None))

    def remove(self, force: bool, v: bool) -> None:
        self.calls.append(("remove", v))


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    found = Docker()
    rds._instances.clear()
    monkeypatch.setattr(ecs, "_get_docker", lambda: found)
    return found


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The statements that MySQL gets."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(databases, "run", lambda record, *words: found.append(words))
    return found


def create(**changes: str) -> Json:
    made: Json = provisioners._rds_db_instance_create("Db", {**PROPERTIES, **changes}, "stack")[1]
    return made


@pytest.mark.parametrize(("version", "image"), [("8.4", "mysql:8.4"), ("8.0.40", "mysql:8.0")])
def test_a_version_of_rds_selects_the_image(version: str, image: str) -> None:
    assert databases.image(version) == image


def test_a_database_answers_to_its_endpoints_name_and_requires_tls(
    docker: Docker, statements: list[tuple[str, ...]]
) -> None:
    host = create()["Endpoint.Address"]
    calls = dict(docker.calls)
    image, command, options = calls["create"]
    assert (image, options["name"]) == ("mysql:8.4", "rehearsal-rds-myapp-staging")
    assert "--require-secure-transport=ON" in command
    assert options["environment"]["MYSQL_DATABASE"] == "myapp"
    assert options["environment"]["MYSQL_PASSWORD"] == "first"
    assert calls["connect"] == [host]
    assert [name for name, _ in docker.calls][-1] == "start"
    assert statements == [
        ("SELECT 1",),
        ("GRANT ALL ON *.* TO %s@'%%'", "myapp"),
        ("RESET BINARY LOGS AND GTIDS",),
    ]


def test_a_database_has_a_certificate_for_its_endpoints_name(
    docker: Docker, statements: list[tuple[str, ...]], tmp_path: Path
) -> None:
    host = create()["Endpoint.Address"]
    calls = dict(docker.calls)
    _, archive = calls["put_archive"]
    assert [name for name, _ in docker.calls].index("put_archive") < len(docker.calls) - 1
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in filter(tarfile.TarInfo.isfile, tar):
            content = tar.extractfile(member)
            assert content
            (tmp_path / Path(member.name).name).write_bytes(content.read())
    folder = tmp_path
    answer = json.loads(ask("GET", "/_rehearsal/database-ca").body)
    assert answer["certificates"] == (folder / "ca.pem").read_text()
    assert shakes_hands(folder, host, answer["certificates"])
    with pytest.raises(ssl.SSLCertVerificationError):
        shakes_hands(folder, "elsewhere.example", answer["certificates"])


def shakes_hands(folder: Path, host: str, authority: str) -> bool:
    """Let a client that trusts an authority meet a server with the files of a folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cadata=authority).wrap_bio(
        here, there, server_hostname=host
    )
    server = context.wrap_bio(there, here, server_side=True)
    for end in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return client.version() is not None


def test_another_engine_is_left_to_ministack(docker: Docker) -> None:
    create(Engine="postgres")
    assert docker.calls == []


def test_a_new_password_reaches_the_database(
    docker: Docker, statements: list[tuple[str, ...]]
) -> None:
    create()
    statements.clear()
    new = {**PROPERTIES, "MasterUserPassword": "second"}
    provisioners._rds_db_instance_update("myapp-staging", PROPERTIES, new, "stack", "Db")
    assert statements == [("ALTER USER %s@'%%' IDENTIFIED BY %s", "myapp", "second")]


def test_deleting_a_database_removes_its_container_and_data(
    docker: Docker, statements: list[tuple[str, ...]]
) -> None:
    create()
    provisioners._rds_db_instance_delete("myapp-staging", PROPERTIES)
    assert docker.calls[-1] == ("remove", True)


def test_a_database_that_does_not_start_fails_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: str) -> None:
        raise pymysql.err.OperationalError(2003, "refused")

    monkeypatch.setattr(databases, "run", refuse)
    monkeypatch.setattr(databases, "PATIENCE_SECONDS", -1)
    with pytest.raises(ValueError, match=r"MySQL did not come up: .*refused"):
        databases.wait({})
