"""The image as shipped, built and run; skipped with a reason where that is impossible."""

import http.client
import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.finders import get_finders

ROOT = Path(__file__).resolve().parents[3]
CANNOT_BUILD_HERE = 69
MOST_MEGABYTES = 60

# Nothing listens at these addresses inside a container.
VARIABLES = {
    "APP_ENVIRONMENT": "staging",
    "ALLOWED_HOSTS": "example.com",
    "DATABASE_URL": "mysql://nobody@127.0.0.1:3306/none",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SECRET_KEY": "0123456789abcdef" * 4,
}
# For what must happen: a busy machine needs a tenth of it.
SECONDS = 120
LOCKED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
# Answers nobody, and hangs up when it is told to.
SILENT_MYSQL = """
import socket
listener = socket.create_server(("127.0.0.1", 3306))
print("listening", flush=True)
connection, _ = listener.accept()
print("asked", flush=True)
input()
"""
# Run in another container in the same network: Docker's proxy for a published port may drop an
# answer when the container behind it ends.
ASK = """
import http.client
client = http.client.HTTPConnection("127.0.0.1", 8000)
client.request("GET", "/health/", headers={"Host": "example.com", "X-Forwarded-Proto": "https"})
response = client.getresponse()
print(response.status, response.read().decode())
"""
# The service waits for it longer than the test takes.
PATIENT = {
    "HEALTH_TIMEOUT": "60",  # the most that it takes
    "DATABASE_URL": f"{VARIABLES['DATABASE_URL']}?connect_timeout={SECONDS}",
}


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True
    )


def docker(*words: str) -> str:
    done = run("docker", *words)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"did not happen within {SECONDS} s"
        time.sleep(0.1)


@dataclass
class Container:
    name: str

    def inspect(self) -> dict[str, Any]:
        return dict(json.loads(docker("container", "inspect", self.name))[0])

    def logs(self) -> str:
        done = run("docker", "logs", self.name)
        return done.stdout + done.stderr

    def python(self, program: str) -> str:
        return docker("exec", self.name, "python", "-c", program)

    def get(self, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        """Request as the load balancer does: for example.com, over HTTPS that ended there."""
        port = docker("port", self.name, "8000").rpartition(":")[2]
        client = http.client.HTTPConnection("127.0.0.1", int(port), timeout=SECONDS)
        try:
            known = {"Host": "example.com", "X-Forwarded-Proto": "https"}
            client.request("GET", path, headers=known | headers)
            response = client.getresponse()
            return response, response.read()
        finally:
            client.close()

    def is_live(self) -> bool:
        assert self.inspect()["State"]["Running"], self.logs()
        try:
            return self.get("/health/live/")[0].status == 200
        except (OSError, http.client.HTTPException):
            return False


@contextmanager
def started(image: str, **others: str) -> Iterator[Container]:
    """Run the service locked down and without any dependency, and always remove it."""
    container = Container(f"myproject-test-{uuid.uuid4().hex}")
    variables = [f"--env={name}={value}" for name, value in (VARIABLES | others).items()]
    options = ["--publish=127.0.0.1::8000", "--health-interval=1s", *LOCKED, *variables]
    try:
        docker("run", "--detach", f"--name={container.name}", *options, image)
        wait_until(container.is_live)
        yield container
    finally:
        run("docker", "rm", "--force", "--volumes", container.name)


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    tag = f"myproject-test:{uuid.uuid4().hex}"
    built = run("scripts/build-image", tag)
    if built.returncode == CANNOT_BUILD_HERE:
        pytest.skip(built.stderr.strip())
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    yield tag
    # The layers stay, so that the next run need not build them again.
    run("docker", "image", "rm", "--no-prune", tag)


@pytest.fixture(scope="module")
def config(image: str) -> dict[str, Any]:
    return dict(json.loads(docker("image", "inspect", image))[0]["Config"])


@pytest.fixture(scope="module")
def service(image: str) -> Iterator[Container]:
    with started(image) as container:
        yield container


def test_a_hardened_container_is_live_without_its_database(service: Container) -> None:
    response, body = service.get("/health/live/")
    assert (response.status, json.loads(body)) == (200, {"status": "ok"})


def test_the_service_writes_nothing_to_the_root_file_system(service: Container) -> None:
    assert service.inspect()["HostConfig"]["ReadonlyRootfs"]
    assert docker("diff", service.name) == ""


def test_the_service_runs_as_a_numeric_user_that_is_not_root(
    service: Container, config: dict[str, Any]
) -> None:
    assert config["User"] == "10001:10001"
    assert service.python("import os; print(os.getresuid(), os.getgroups())") == (
        "(10001, 10001, 10001) [10001]"
    )


def test_the_health_check_of_the_image_becomes_healthy(service: Container) -> None:
    wait_until(lambda: service.inspect()["State"]["Health"]["Status"] == "healthy")


def test_sigterm_lets_a_running_request_finish(image: str) -> None:
    with started(image, **PATIENT) as container, ThreadPoolExecutor(1) as threads:
        silent = ["docker", "exec", "--interactive", container.name, "python", "-c", SILENT_MYSQL]
        with subprocess.Popen(
            silent, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as mysql:
            assert mysql.stdout and mysql.stdout.readline() == "listening\n"
            network = f"--network=container:{container.name}"
            request = threads.submit(docker, "run", "--rm", network, image, "python", "-c", ASK)
            assert mysql.stdout.readline() == "asked\n"
            docker("kill", "--signal=TERM", container.name)
            wait_until(lambda: "Handling signal: term" in container.logs())
            assert not request.done()
            mysql.communicate("hang up\n")
            exit_code = docker("wait", container.name)
        status, _, body = request.result().partition(" ")
        # gunicorn would have cut off a request that it gave up.
        assert status == "503"
        assert json.loads(body)["checks"]["database"]["status"] == "failed"
        assert exit_code == "0"


def test_every_missing_variable_is_reported_at_start(image: str) -> None:
    done = run("docker", "run", "--rm", image)
    assert done.returncode == 1
    for name in VARIABLES:
        assert f"{name}: is not set" in done.stderr


def test_static_files_are_hashed_and_compressed(service: Container) -> None:
    manifest = json.loads(service.python("print(open('staticfiles/staticfiles.json').read())"))
    hashed = manifest["paths"]["admin/css/base.css"]
    assert hashed != "admin/css/base.css"
    response, _ = service.get(f"/static/{hashed}", **{"Accept-Encoding": "gzip"})
    assert response.status == 200
    assert response.headers["Content-Encoding"] == "gzip"
    assert "immutable" in response.headers["Cache-Control"]


def test_the_image_contains_every_static_file_of_the_apps(service: Container) -> None:
    manifest = json.loads(service.python("print(open('staticfiles/staticfiles.json').read())"))
    found = {path for finder in get_finders() for path, _ in finder.list([])}
    assert set(manifest["paths"]) == found


def test_bytecode_is_compiled_in_the_build(service: Container) -> None:
    names = ["http.client", "logging.config", "django.db", "gunicorn.app.base", "myproject.wsgi"]
    uncompiled = service.python(
        "import importlib.util, pathlib\n"
        f"specs = [importlib.util.find_spec(name) for name in {names}]\n"
        "print(*[s.name for s in specs if not pathlib.Path(s.cached).exists()])"
    )
    assert uncompiled == ""


def test_the_image_contains_no_compiler_or_installer(service: Container) -> None:
    programs = ["cc", "gcc", "g++", "make", "pip", "pip3", "wheel"]
    found = f"import shutil; print(*filter(None, map(shutil.which, {programs})))"
    assert service.python(found) == ""
    for python in ("python", "/usr/local/bin/python"):
        done = run("docker", "exec", service.name, python, "-m", "pip", "--version")
        assert "No module named pip" in done.stderr


def test_the_image_contains_only_the_service(service: Container) -> None:
    listing = "import os; print(*sorted(os.listdir()))"
    assert service.python(listing) == (
        "apps gunicorn.conf.py manage.py myproject requirements.txt staticfiles"
    )
    settings = "import pathlib; print(*sorted(p.name for p in pathlib.Path('{}').glob('*.py')))"
    assert service.python(settings.format("myproject/settings")) == (
        "__init__.py base.py environment.py parsers.py production.py"
    )
    tests = "import pathlib; print(*pathlib.Path('/app').rglob('test*'))"
    assert service.python(tests) == ""
    packages = "import pathlib; print(*pathlib.Path('/opt/venv').rglob('tests'))"
    assert service.python(packages) == ""
    assert service.python("import pathlib; print(*pathlib.Path('/app').rglob('.env*'))") == ""


def test_history_and_environment_of_the_image_contain_no_secret(
    image: str, config: dict[str, Any]
) -> None:
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", image)
    variables = " ".join(config["Env"])
    for name in VARIABLES:
        assert name not in history
        assert name not in variables


def test_the_image_names_its_version_and_commit(config: dict[str, Any]) -> None:
    commit = run("git", "rev-parse", "HEAD").stdout.strip()
    version = run("git", "describe", "--tags", "--always", "--dirty").stdout.strip()
    prefix = "org.opencontainers.image."
    labels = {n.removeprefix(prefix): v for n, v in config["Labels"].items() if prefix in n}
    assert (labels["title"], labels["revision"]) == ("myproject", commit)
    assert labels["version"] == version
    assert datetime.fromisoformat(labels["created"]).tzinfo
    said = {f"APP_{name}={value}" for name, value in (("COMMIT", commit), ("VERSION", version))}
    assert said | {f"APP_CREATED={labels['created']}"} <= set(config["Env"])


def test_the_image_adds_little_to_its_base(image: str) -> None:
    report = run("scripts/image-report", image)
    assert report.returncode == 0, report.stderr
    first, *_ = report.stdout.splitlines()
    assert first.startswith(f"{image} adds ")
    assert float(first.split()[2]) <= MOST_MEGABYTES


def test_a_build_without_docker_names_what_is_missing(tmp_path: Path) -> None:
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")
    built = run("scripts/build-image", PATH=str(tmp_path))
    assert built.returncode == CANNOT_BUILD_HERE
    assert built.stderr.startswith("scripts/build-image: docker is not installed: https://")


@pytest.mark.skipif(not shutil.which("docker"), reason="docker is not installed")
def test_a_build_without_an_engine_says_how_to_start_one(tmp_path: Path) -> None:
    built = run("scripts/build-image", DOCKER_HOST=f"unix://{tmp_path}/none")
    assert built.returncode == CANNOT_BUILD_HERE
    assert built.stderr.startswith("scripts/build-image: the Docker engine doesn't answer")
    assert built.stderr.endswith("or: sudo systemctl start docker\n")


def test_a_build_without_the_base_image_names_the_stand_in(image: str, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts" / "build-image", tmp_path / "scripts")
    (tmp_path / "Dockerfile").write_text("FROM 127.0.0.1:1/nowhere:1 AS base\n")
    built = run(str(script))
    assert built.returncode == CANNOT_BUILD_HERE
    assert built.stderr == (
        "scripts/build-image: 127.0.0.1:1/nowhere:1 can't be pulled"
        "; rehearsal/images/build builds a stand-in"  # only with: rehearsal
        "\n"
    )
