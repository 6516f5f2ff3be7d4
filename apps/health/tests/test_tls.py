"""DATABASE_CA with the real driver: a server that proves nothing is sent no password."""

import contextlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.backends.mysql.base import DatabaseWrapper
from MySQLdb import OperationalError

from myproject.settings.parsers import database_ca, database_url

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")

# Protocol::HandshakeV10, as MySQL's documentation of its source has it.
CAN_TLS = 0x800
CAPABILITIES = 0x0001 | 0x0008 | 0x0200 | 0x2000 | 0x8000 | 0x80000


def greeting(capabilities: int) -> bytes:
    """Return the first packet of a MySQL."""
    low, high = capabilities & 0xFFFF, capabilities >> 16
    start = b"\x0a8.4.0\0" + struct.pack("<I", 1) + b"12345678\0"
    middle = struct.pack("<HBHHB", low, 45, 2, high, 21) + bytes(10)
    payload = start + middle + b"123456789012\0mysql_native_password\0"
    return struct.pack("<I", len(payload)) + payload  # three bytes of length, then number 0


class Server:
    """The beginning of a MySQL: it greets, does TLS if it can, and counts the logins."""

    def __init__(self, folder: Path, name: str) -> None:
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.logins = 0
        make = ["openssl", "req", "-x509", "-nodes", "-newkey=rsa:2048", "-days=1", "-subj=/CN=it"]
        make += [
            f"-addext=subjectAltName={name}",
            f"-keyout={self.key}",
            f"-out={self.certificate}",
        ]
        subprocess.run(make, check=True, capture_output=True)

    @contextlib.contextmanager
    def listening(self, *, tls: bool) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self.serve, args=(listener, tls))
            thread.start()
            yield listener.getsockname()[1]
            thread.join()

    def serve(self, listener: socket.socket, tls: bool) -> None:
        connection, _ = listener.accept()
        with contextlib.suppress(OSError), connection:
            connection.settimeout(5)
            connection.sendall(greeting(CAPABILITIES | (CAN_TLS if tls else 0)))
            if tls:
                connection.recv(36)  # the client asks for TLS, and for nothing else yet
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate, self.key)
                with context.wrap_socket(connection, server_side=True) as encrypted:
                    self.logins += bool(encrypted.recv(1))
            else:
                self.logins += bool(connection.recv(1))


def connect(port: int, authority: str) -> str:
    """Connect as the service does; return the error, which always comes after a greeting."""
    url = f"mysql://app:secret@127.0.0.1:{port}/app?ssl_mode=REQUIRED"
    config = database_url(url, schemes=("mysql",), authority=database_ca(authority))
    config |= {"TIME_ZONE": None, "ATOMIC_REQUESTS": False, "AUTOCOMMIT": True}
    with pytest.raises(OperationalError) as refused:
        DatabaseWrapper(config).connect()
    return str(refused.value)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return Server(tmp_path_factory.mktemp("known"), "IP:127.0.0.1")


def test_a_server_with_a_trusted_certificate_gets_the_login(known: Server) -> None:
    known.logins = 0
    with known.listening(tls=True) as port:
        connect(port, known.certificate.read_text())
    assert known.logins == 1


@pytest.mark.parametrize("name", ["IP:127.0.0.1", "DNS:elsewhere.example"])
def test_a_server_with_another_authority_or_name_gets_no_login(
    known: Server, tmp_path: Path, name: str
) -> None:
    other = Server(tmp_path, name)
    trusted = known if name.startswith("IP") else other
    with other.listening(tls=True) as port:
        assert "SSL" in connect(port, trusted.certificate.read_text())
    assert other.logins == 0


def test_a_server_without_tls_gets_no_login(known: Server) -> None:
    known.logins = 0
    with known.listening(tls=False) as port:
        connect(port, known.certificate.read_text())
    assert known.logins == 0


def test_rds_certificates_are_not_trusted_for_other_servers(known: Server) -> None:
    known.logins = 0
    with known.listening(tls=True) as port:
        connect(port, "rds")
    assert known.logins == 0
