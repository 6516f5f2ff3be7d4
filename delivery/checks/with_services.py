"""Run a command with a real MySQL and a real Redis in DATABASE_URL and REDIS_URL.

If both are set, they are used. Otherwise temporary servers are started, and stopped in any case:
with Docker Compose if an engine answers, else local ones on free ports in a temporary folder.
"""

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from delivery.paths import ROOT
from delivery.ports import free_port

START_SECONDS = 60

MISSING = """\
{program} is not installed, and the tests never use SQLite instead. Do one of these:
  apt-get install default-mysql-server-core redis-server     (Debian, Ubuntu)
  brew install mysql redis                                   (macOS)
  start Docker, with its Compose plugin
  set DATABASE_URL and REDIS_URL to servers of yours"""


class Unavailable(Exception):
    """The servers are unavailable in this way; the message gives the reason and the remedy."""


def find(*programs: str) -> str:
    """Return the path of the first of these programs that is installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    for program in programs:
        if found := shutil.which(program, path=path):
            return found
    raise Unavailable(MISSING.format(program=" or ".join(programs)))


def tied() -> list[str]:
    """Return a prefix that ends a command, on Linux, when this process is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


@contextlib.contextmanager
def server(name: str, command: list[str], port: int, folder: Path) -> Iterator[None]:
    """Run a server on `port` of 127.0.0.1 while the block runs."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        # The servers have their own session, so that Ctrl-C reaches only the command.
        process = subprocess.Popen(
            [*tied(), *command], stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_listening(name, process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_listening(
    name: str, process: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    end = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise Unavailable(f"{name} did not start. Its log ends with:\n{end}")


def certificate(folder: Path) -> list[str]:
    """Return options that give MariaDB TLS, which MySQL has by default; none without openssl."""
    key, signed = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-nodes", "-days=1", "-subj=/CN=localhost"]
    make += ["-newkey=rsa:2048", f"-keyout={key}", f"-out={signed}"]
    if not shutil.which("openssl") or subprocess.run(make, capture_output=True).returncode:
        return []
    return [f"--ssl-key={key}", f"--ssl-cert={signed}"]


@contextlib.contextmanager
def local_mysql(folder: Path) -> Iterator[str]:
    """Run a local MySQL or MariaDB with its data in `folder`; yield DATABASE_URL."""
    program = find("mysqld", "mariadbd")
    data, port = folder / "mysql", free_port()
    # As it starts, MariaDB removes the temporary tables of all others from a folder that it shares.
    options = [f"--datadir={data}", f"--tmpdir={folder}"]
    options += ["--user=root"] * (os.geteuid() == 0)
    version = subprocess.check_output([program, "--no-defaults", "--version"], text=True)
    if "MariaDB" in version:
        create = [find("mariadb-install-db"), "--auth-root-authentication-method=normal"]
        extra = certificate(folder)
    else:
        create = [program, "--initialize-insecure"]
        extra = ["--mysqlx=OFF", "--secure-file-priv=NULL"]
    made = subprocess.run(
        [create[0], "--no-defaults", *options, *create[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if made.returncode:
        raise Unavailable(f"{create[0]} failed:\n{made.stdout.strip()[:500]}")
    first = folder / "first.sql"
    first.write_text("CREATE DATABASE testdb CHARACTER SET utf8mb4;\n")
    # The data is temporary: it need not survive a crash.
    command = [program, "--no-defaults", *options, f"--init-file={first}", *extra]
    command += ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/mysql.sock"]
    command += [f"--pid-file={folder}/mysql.pid", "--skip-log-bin"]
    command += ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]
    with server("mysql", command, port, folder):
        print(f"MySQL: {version.split('Ver ')[-1].split(' for ')[0]} on port {port}, temporary")
        yield f"mysql://root@127.0.0.1:{port}/testdb"


@contextlib.contextmanager
def local_redis(folder: Path) -> Iterator[str]:
    """Run a local Redis without persistence; yield REDIS_URL."""
    program, port = find("redis-server"), free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    with server("redis", [*command, "--save", "", "--appendonly", "no"], port, folder):
        print(f"Redis: {program} on port {port}, temporary")
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def local_servers() -> Iterator[dict[str, str]]:
    """Run both servers locally; yield the variables with their URLs."""
    with (
        tempfile.TemporaryDirectory(prefix="myproject-services-") as folder,
        local_mysql(Path(folder)) as database_url,
        local_redis(Path(folder)) as redis_url,
    ):
        yield {"DATABASE_URL": database_url, "REDIS_URL": redis_url}


@contextlib.contextmanager
def compose_servers() -> Iterator[dict[str, str]]:
    """Run both servers of compose.yaml in containers; yield the variables with their URLs."""
    ports = {"MYSQL_PORT": str(free_port()), "REDIS_PORT": str(free_port())}
    secrets = {"MYSQL_ROOT_PASSWORD": "testpass", "MYSQL_DATABASE": "testdb"}
    environment = os.environ | ports | secrets
    compose = ["docker", "compose", "--project-name", f"myproject-services-{os.getpid()}"]
    compose += ["--file", str(ROOT / "compose.yaml")]
    try:
        up = [*compose, "up", "--detach", "--wait", "mysql", "redis"]
        if subprocess.run(up, env=environment).returncode:
            raise Unavailable("Docker Compose could not start mysql and redis (see above).")
        yield {
            "DATABASE_URL": f"mysql://root:testpass@127.0.0.1:{ports['MYSQL_PORT']}/testdb",
            "REDIS_URL": f"redis://127.0.0.1:{ports['REDIS_PORT']}/0",
        }
    finally:
        down = [*compose, "down", "--volumes", "--timeout", "5"]
        subprocess.run(down, env=environment, capture_output=True)


def why_not_compose() -> str:
    """Return why the servers of compose.yaml are unavailable; empty if they are available."""
    if not shutil.which("docker"):
        return "Docker is not installed"
    for words, problem in (
        ("info", "no Docker engine answers"),
        ("compose", "Docker Compose is not installed"),
    ):
        version = ["version"] * (words == "compose")
        if subprocess.run(["docker", words, *version], capture_output=True).returncode:
            return problem
    return ""


@contextlib.contextmanager
def services(*, docker: bool) -> Iterator[dict[str, str]]:
    """Yield DATABASE_URL and REDIS_URL: those that are set, or those of temporary servers."""
    given = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
    if all(given.values()):
        print("MySQL and Redis: the servers in DATABASE_URL and REDIS_URL")
        yield given
        return
    if any(given.values()):
        raise Unavailable("Set both DATABASE_URL and REDIS_URL, or neither.")
    with contextlib.ExitStack() as stack:
        problem = why_not_compose() if docker else ""
        if docker and not problem:
            try:
                yield stack.enter_context(compose_servers())
                return
            except Unavailable as unavailable:
                problem = str(unavailable)
        if problem:
            print(f"Starting servers of this machine instead of those in compose.yaml: {problem}")
        yield stack.enter_context(local_servers())


def run(command: list[str], variables: dict[str, str]) -> int:
    """Run a command with these variables and return its exit code, also after Ctrl-C."""
    if not shutil.which(command[0]):
        raise Unavailable(f"there is no program {command[0]}")
    process = subprocess.Popen([*tied(), *command], env=os.environ | variables)
    # Ctrl-C has reached the command as well, which exits after its own clean-up.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    return code if code >= 0 else 128 - code


def main() -> int:
    parser = argparse.ArgumentParser("scripts/with-services", description=__doc__)
    parser.add_argument("command", nargs="+", help="the command to run, after --")
    parser.add_argument(
        "--local", action="store_true", help="start local servers, even beside Docker"
    )
    arguments = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # A terminated run must clean up like an interrupted one.
    signal.signal(signal.SIGTERM, _exit)
    test_variables = {"SECRET_KEY": os.environ.get("SECRET_KEY", "test-secret-key-for-ci")}
    try:
        with services(docker=not arguments.local) as urls:
            return run(arguments.command, test_variables | urls)
    except Unavailable as problem:
        print(f"scripts/with-services: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _exit(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
