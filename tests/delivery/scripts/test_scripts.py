"""Commands as a person runs them: help, one-line errors, and clean-up."""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import yaml
from pytest_django import Settings

from conftest import version_of_mysql
from delivery.checks import with_services
from delivery.ports import free_port
from tests.delivery.in_process import ROOT, module_of, run_here

# What takes as long, in seconds, will never end; a busy machine needs a hundredth of it.
HANGS = 600
SHELL = sorted(
    path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix
)


def script(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=HANGS
    )


def can_be_interrupted() -> None:
    """Restore SIGINT, which a shell's background commands and their children ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("name", SHELL)
def test_every_script_has_a_help_text(name: str) -> None:
    path = f"scripts/{name}"
    done = run_here(path, "--help") if module_of(path) else script(path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert path in done.stdout


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon"])
def test_every_time_limit_is_a_number_of_seconds(value: str) -> None:
    paths = [f"scripts/{name}" for name in SHELL if module_of(f"scripts/{name}")]
    limited = [path for path in paths if "--seconds" in run_here(path, "--help").stdout]
    assert "scripts/migrate" in limited
    for path in limited:
        done = run_here(path, f"--seconds={value}")
        assert done.returncode == 2
        assert f"argument --seconds: invalid seconds value: '{value}'" in done.stderr


def test_scripts_that_start_a_module_are_all_alike() -> None:
    forms: dict[str, str] = {}
    for name in SHELL:
        path = f"scripts/{name}"
        if module_of(path):
            assert os.access(ROOT / path, os.X_OK)
            forms[(ROOT / path).read_text()] = path
    # Those of the template install what they need; rename looks at its arguments before.
    assert len(forms) == 2 + any("template.rename" in str(module_of(p)) for p in forms.values())
    for path in forms.values():
        done = script(path, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"usage: {path}" in done.stdout


@pytest.mark.parametrize(
    "name",
    # with-services ends with the code of what it runs, and with a shell's code for a signal.
    [name for name in SHELL if module_of(f"scripts/{name}") and name != "with-services"],
)
def test_every_command_reports_errors_under_its_name(name: str) -> None:
    source = (ROOT / f"{module_of(f'scripts/{name}').replace('.', '/')}.py").read_text()
    assert re.search(rf'^ +run\(\s*"scripts/{name}",', source, re.M)


@pytest.mark.parametrize("name", ["bootstrap", "check"])
def test_an_unknown_word_shows_the_usage(name: str) -> None:
    done = script(f"scripts/{name}", "--nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: " in done.stderr


def test_the_menu_names_every_target() -> None:
    menu = script("make").stdout
    for target in ("run", "test", "check", "format", "requirements"):
        assert f"make {target} " in menu


def test_a_refused_migration_is_reported_with_the_remedies(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")  # the linter, as it ends
    python.chmod(0o755)
    done = script("scripts/lint-migrations", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "ignore_name in myproject/settings/test.py" in done.stderr
    assert "docs/migrations.md" in done.stderr


def jobs_of_the_workflow() -> list[list[dict[str, str]]]:
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    return [job["steps"] for job in workflow["jobs"].values()]


def gates_of_the_workflow() -> list[str]:
    steps = itertools.chain(*jobs_of_the_workflow())
    runs = [step["run"].splitlines() for step in steps if "id" in step and "run" in step]
    return list(itertools.chain(*runs))


def test_check_runs_the_gates_of_the_workflow_in_its_order() -> None:
    commands = gates_of_the_workflow()
    gates = re.findall(
        r'gate "[^"]+" (?:delivery/progress "[^"]+" )?(.+)', (ROOT / "scripts/check").read_text()
    )
    # Two jobs have the tests in tests/, which here are one gate.
    (delivery,) = [command for command in commands if command.endswith(" tests/delivery")]
    commands.remove(delivery)
    assert gates == [command.replace(" tests/service", " tests") for command in commands]
    folders = {
        path.relative_to(ROOT / "tests").parts[0] for path in ROOT.glob("tests/*/**/test_*.py")
    }
    assert folders == {"service", "delivery"}


def workflow_of(name: str) -> dict[Any, Any]:
    return dict(yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text()))


def test_a_pull_request_runs_all_jobs_and_a_deploy_only_those_of_its_scope() -> None:
    workflow = workflow_of("test")
    # YAML reads `on` as true. Without a call there is no input.
    assert workflow[True]["workflow_call"]["inputs"]["scope"]["default"] == "service"
    assert {name: job.get("if") for name, job in workflow["jobs"].items()} == {
        "lint": "${{ !inputs.scope }}",
        "test": "inputs.scope != 'security'",
        "delivery": "${{ !inputs.scope }}",
        "security": None,
    }
    # only with: rehearsal
    steps = {step.get("name"): step for step in workflow["jobs"]["delivery"]["steps"]}
    assert steps["Run rehearsal tests"]["if"] == (
        "${{ !cancelled() && env.REHEARSAL_CHANGED != 'no' }}"
    )
    # until here: rehearsal
    assert "with" not in workflow_of("deploy-staging")["jobs"]["test"]
    assert workflow_of("deploy-prod")["jobs"]["test"]["with"] == {"scope": "security"}


def test_the_workflow_runs_every_test_that_make_test_runs() -> None:
    commands = [command for command in gates_of_the_workflow() if command.startswith("pytest ")]
    arguments = " ".join(command.removeprefix("pytest ") for command in commands).split()
    run = tuple(f"{folder}/" for folder in arguments if not folder.startswith("-"))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = settings["tool"]["pytest"]["ini_options"]["testpaths"]
    files = [file for folder in folders for file in (ROOT / folder).rglob("test_*.py")]
    assert not [file for file in files if not str(file.relative_to(ROOT)).startswith(run)]


def test_each_job_of_the_workflow_summarizes_all_its_gates() -> None:
    for steps in jobs_of_the_workflow():
        names = [step.get("name", "") for step in steps]
        gates = [name for name in names if name.startswith(("Run ", "Check ", "Security check "))]
        assert gates == [step["name"] for step in steps if "id" in step]
        assert names.index("Summarize") > names.index(gates[-1])


@pytest.mark.parametrize("name", ["run", "dev"])
def test_a_taken_port_is_reported(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = script(f"scripts/{name}", PORT=port)
    assert done.returncode == 1
    message = f"scripts/{name}: port {port} is taken. Another one: PORT=8001 make {name}\n"
    assert done.stderr == message


@pytest.mark.parametrize("name", ["run", "dev"])
@pytest.mark.parametrize("port", ["http", "0", "70000", "08000"])
def test_an_invalid_port_is_refused(name: str, port: str) -> None:
    done = script(f"scripts/{name}", PORT=port)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"PORT is {port}" in done.stderr


def test_bootstrap_names_the_python_that_it_needs(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1; exit 1\n')
    old.chmod(0o755)
    done = script("scripts/bootstrap", "run", PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert "3.8.1" in done.stderr


def test_no_gate_starts_after_ctrl_c(tmp_path: Path) -> None:
    for name, text in {"ruff": "kill -INT 0; sleep 60", "black": "echo it begins"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["scripts/check", "--without-tests"],
        cwd=ROOT,
        env=os.environ | {"GATES": "yes", "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=HANGS,
        start_new_session=True,
        preexec_fn=can_be_interrupted,
    )
    assert done.returncode == 130
    assert done.stdout == "\n== Lint: ruff check .\n"


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_a_wrong_environment_is_reported_without_a_traceback(command: str) -> None:
    wrong = {"DATABASE_URL": "nonsense", "LOG_FORMAT": "xml", "SECRET_KEY": "short"}
    wrong |= {"DJANGO_SETTINGS_MODULE": "myproject.settings.production", "REDIS_URL": "redis://h"}
    done = script(sys.executable, "manage.py", command, **wrong)
    assert done.returncode == 1
    assert [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]] == [
        "ALLOWED_HOSTS",
        "APP_ENVIRONMENT",
        "DATABASE_URL",
        "LOG_FORMAT",
        "SECRET_KEY",
    ]


def test_an_unusable_mysql_stops_the_tests_in_one_line() -> None:
    one_test = "apps/health/tests/test_liveness.py"
    command = (sys.executable, "-m", "pytest", "--numprocesses=2", "-p", "no:cacheprovider")
    done = script(*command, one_test, DATABASE_URL="mysql://root@127.0.0.1:1/testdb")
    assert done.returncode == 1
    assert "Exit: DATABASE_URL: " in done.stdout
    assert not [word for word in ("Traceback", "gw0") if word in done.stdout + done.stderr]


def test_an_unusable_redis_stops_the_tests_in_one_line(settings: Settings) -> None:
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache"}
    settings.CACHES = {"default": redis | {"LOCATION": "redis://127.0.0.1:1/0"}}
    with pytest.raises(pytest.exit.Exception, match=r"^REDIS_URL: Redis can't be used: "):
        version_of_mysql()


# --- the throw-away servers


def with_servers(command: str, folder: str) -> subprocess.Popen[str]:
    """Start a shell under local servers, in its own process group, as a terminal does."""
    variables = {"DATABASE_URL": "", "REDIS_URL": "", "TMPDIR": folder}
    return subprocess.Popen(
        ["scripts/with-services", "--local", "--", "sh", "-c", command],
        cwd=ROOT,
        env=os.environ | variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=can_be_interrupted,
    )


def answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((parts.hostname, parts.port)) == 0


SHOW = 'echo "$DATABASE_URL"; echo "$REDIS_URL"'
# A temporary table, which MariaDB takes for its own wherever it finds one as it starts.
ANOTHERS_TABLE = "#sql-temptable-1-1-1.MAI"


class Run(NamedTuple):
    """A command that waits under its own servers, their variables, and their folder."""

    process: subprocess.Popen[str]
    urls: list[str]
    folder: Path


@pytest.fixture(scope="module")
def runs() -> Iterator[Iterator[Run]]:
    """Three runs, started at once because MySQL starts slowly."""
    for names in (("mysqld", "mariadbd"), ("redis-server",)):
        try:
            with_services.find(*names)
        except with_services.Unavailable:
            pytest.skip(f"no {' or '.join(names)} on this machine")
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(3)]
        for folder in folders:
            (Path(folder) / ANOTHERS_TABLE).touch()
        processes = [with_servers(f"{SHOW}; exec sleep {HANGS}", folder) for folder in folders]
        for process in processes:
            stack.callback(process.kill)
        started = []
        for process, folder in zip(processes, folders, strict=True):
            assert process.stdout
            lines = itertools.islice(iter(process.stdout.readline, ""), 4)
            urls = [line.strip() for line in lines if "://" in line]
            started.append(Run(process, urls, Path(folder)))
        yield iter(started)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_servers_stop_when_the_run_is_interrupted(
    runs: Iterator[Run], number: signal.Signals
) -> None:
    process, urls, folder = next(runs)
    assert [answers(url) for url in urls] == [True, True]
    # Ctrl-C reaches the whole group, a SIGTERM the process it was sent to.
    os.killpg(process.pid, number) if number == signal.SIGINT else process.terminate()
    process.communicate(timeout=HANGS)
    assert process.returncode == 128 + number
    assert [answers(url) for url in urls] == [False, False]
    assert [path.name for path in folder.iterdir()] == [ANOTHERS_TABLE]


def test_the_servers_end_with_a_run_that_is_killed(runs: Iterator[Run]) -> None:
    process, urls, _ = next(runs)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=HANGS)
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv: only Linux ends the children of a process that was killed")
    deadline = time.monotonic() + HANGS
    while any(answers(url) for url in urls):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_exit_code_of_the_command_is_kept() -> None:
    urls = {"DATABASE_URL": "mysql://h/n", "REDIS_URL": "redis://h"}
    done = script("scripts/with-services", "--", "sh", "-c", "exit 7", **urls)
    assert (done.returncode, done.stderr) == (7, "")


def test_one_url_without_the_other_is_refused() -> None:
    done = script(
        "scripts/with-services",
        "--",
        "true",
        DATABASE_URL="mysql://h/n",
        REDIS_URL="",
    )
    assert done.returncode == 1
    assert (
        done.stderr == "scripts/with-services: Set both DATABASE_URL and REDIS_URL, or neither.\n"
    )


def test_a_missing_server_is_reported_with_the_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(with_services.Unavailable) as refused:
        with_services.find("nonesuchd", "othernonesuchd")
    assert "nonesuchd or othernonesuchd is not installed" in str(refused.value)
    assert "apt-get install default-mysql-server-core redis-server" in str(refused.value)


def test_a_server_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    command = ["sh", "-c", "echo disk full >&2; exit 1"]
    with (
        pytest.raises(with_services.Unavailable, match=r"mysql did not start.*\n.*disk full"),
        with_services.server("mysql", command, free_port(), tmp_path),
    ):
        pass
