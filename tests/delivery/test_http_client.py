"""The HTTP client of the commands: where it connects to, and its limits."""

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from delivery import http_client
from delivery.deploy.slack import tell
from delivery.errors import Failure
from delivery.http_client import Answer, ask
from tests.delivery.raw_server import answering, http

SECRET = "/services/T0/B0/hush-hush"


def test_an_answer_of_any_status_is_returned() -> None:
    with answering(http(b"no", status="418 Teapot")) as url:
        assert ask(url) == Answer(418, b"no", "text/plain", url)


def test_a_redirect_is_followed() -> None:
    with answering(http(b"", "Location: /there", status="301 Moved"), http(b"here")) as url:
        assert ask(url) == Answer(200, b"here", "text/plain", f"{url}/there")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/"])
def test_a_redirect_to_another_protocol_is_refused(location: str) -> None:
    redirect = http(b"", f"Location: {location}", status="302 Found")
    with answering(redirect) as url, pytest.raises(Failure, match="not a URL"):
        ask(url)


def test_a_slow_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            client.sendall(b"X")
            time.sleep(0.01)

    monkeypatch.setattr(http_client, "SECONDS", 0.1)
    with answering(drip) as url, pytest.raises(Failure, match=r"no complete answer within 0\.1 s"):
        ask(url)


def test_the_url_of_a_failed_webhook_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for host in ("http://127.0.0.1:1", "http://h h", "http://h:x", "http://[", "ftp://h"):
        monkeypatch.setenv("SLACK_WEBHOOK_URL", host + SECRET)
        tell("hello")
    said = capsys.readouterr().out
    assert said.count("Slack was not notified: ") == 5
    assert "hush" not in said


# --- a load balancer by its own address


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for staging.example.com, with its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not here, and makes the certificate")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", file, "-out", f"{file}.crt"),
            *("-subj", "/CN=test", "-addext", "subjectAltName=DNS:staging.example.com"),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def port(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server of HTTPS that answers with the header Host that it was sent."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    def serve() -> None:
        with suppress(OSError):
            while True:
                plain, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(plain, server_side=True) as client:
                    (host,) = [
                        line.removeprefix(b"Host: ")
                        for line in client.recv(65536).split(b"\r\n")
                        if line.startswith(b"Host: ")
                    ]
                    client.sendall(http(host))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def test_a_host_can_be_requested_at_another_address(port: int) -> None:
    url = f"https://staging.example.com:{port}"
    assert ask(url, to="127.0.0.1").body == f"staging.example.com:{port}".encode()
    assert ask(url, headers={"Host": "other"}, to="127.0.0.1").body == b"other"


def test_the_certificate_must_match_the_host_of_the_url(port: int) -> None:
    with pytest.raises(Failure, match=r"certificate is not valid for 'www\.example"):
        ask(f"https://www.example.com:{port}", to="127.0.0.1")


def test_a_request_to_another_address_uses_no_proxy(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert ask(f"https://staging.example.com:{port}", to="127.0.0.1").status == 200
