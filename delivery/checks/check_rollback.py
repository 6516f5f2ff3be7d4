"""Check that the previous version runs on a database that this version has migrated.

A rollback leaves the schema as it is. So the older code makes a database and fills it, this code
migrates it, and each must show the rows that the other one writes there. The older code must also
be ready on it, show its pages, and pass its own tests, except those that move the schema.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Self
from urllib.parse import unquote, urlsplit

import MySQLdb

from delivery.checks.compare_rows import Report, compare
from delivery.checks.imported_project import Project, imported
from delivery.command import run
from delivery.errors import Failure
from delivery.git import git_or_nothing
from delivery.http_client import ask
from delivery.paths import ROOT
from delivery.ports import free_port
from delivery.versions import is_tag

SAMPLE_ROWS = Path(__file__).with_name("sample_rows.py")
DID_NOT_RUN = 75  # sysexits.h: temporary failure
# The older code must show these pages, with its own data as well.
PAGES = ("health/", "", "releases.json")
# Data of an app from before its migration.
DATA = "apps/*/tests/rollback_data.json"
NOT_SUITED = ("*/test_migrations.py", "*/test_browser.py")
NOTHING_RELEASED = """\
No version was released yet (no tag v1.2.3 in the history): there is no version to return to.
If this branch is already deployed, name the commit that runs: scripts/check-rollback COMMIT"""


class Unknown(Exception):
    """The check has no result; the message gives the reason."""


def version_before(root: Path) -> str:
    """Return the newest released version in the history; empty if none was released yet.

    A release is compared with the one before, and what is not committed yet with the release, too.
    """
    git = partial(git_or_nothing, folder=root)
    head = git("rev-parse", "--verify", "--quiet", "HEAD")
    if head and git("rev-parse", "--is-shallow-repository") == "true":
        raise Unknown("this clone has no history (fetch-depth: 0, or git fetch --unshallow)")
    itself = "" if git("status", "--porcelain") else head
    for tag in git("tag", "--merged", "HEAD", "--sort=-version:refname").split():
        if is_tag(tag) and git("rev-parse", f"{tag}^{{commit}}") != itself:
            return tag
    return ""


def unpack(root: Path, commit: str, folder: Path) -> None:
    done = subprocess.run(["git", "-C", root, "archive", commit], capture_output=True)
    if done.returncode:
        raise Unknown(f"git can't unpack {commit}: {done.stderr.decode().strip()}")
    folder.mkdir()
    # Not tarfile, which before Python 3.11.4 might write outside the folder.
    subprocess.run(["tar", "--extract", "--directory", folder], input=done.stdout, check=True)


def pins(folder: Path) -> list[str]:
    """Return the pinned requirements of a version, without comments."""
    lines = (folder / "requirements.txt").read_text().splitlines()
    return [line for line in lines if not line.lstrip().startswith("#")]


def python_of(old: Path, root: Path, folder: Path) -> str:
    """Return a Python with the older version's requirements: this one if they are the same."""
    if pins(old) == pins(root):
        return sys.executable
    print("the previous version requires other packages: installing them", flush=True)
    python = str(folder / "bin/python")
    pip = [python, "-m", "pip", "install", "--quiet", "--require-hashes"]
    files = [f"--requirement={old / name}" for name in ("requirements.txt", "requirements-ci.txt")]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *files]):
        if subprocess.run(command).returncode:
            raise Unknown("the packages of the previous version can't be installed (see above)")
    return python


@dataclass
class RunningCode:
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    port: int

    def problem_with(self, page: str, seconds: float = 20) -> str:
        """Return why a page fails, or nothing. An answer 503 is retried for some seconds."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = ask(f"http://localhost:{self.port}/{page}")
                if answer.status < 400:
                    return ""
                problem = f"{answer.status} {answer.body.decode(errors='replace')[:500]}"
                waits = answer.status == 503
            except Failure as failure:
                problem, waits = str(failure), True
            if self.process.poll() is not None:
                self.log.seek(0)
                end = self.log.read().decode(errors="replace")[-500:]
                raise Unknown(f"the previous version can't be started. Its last output:\n{end}")
            if not waits or time.monotonic() >= deadline:
                return problem
            time.sleep(0.1)


@dataclass
class Code:
    """The code of a version, its Python, and the MySQL server of its databases."""

    folder: Path
    python: str
    url: str
    project: Project = field(init=False)

    def environment(self, database: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return kept | {
            "DATABASE_URL": at(self.url, database),
            "DJANGO_SETTINGS_MODULE": self.settings,
        }

    @property
    def settings(self) -> str:
        """Return the settings module in the version's own package, whose name may differ."""
        found = next(self.folder.glob("*/settings/test.py"), None)
        if not found:
            raise Unknown("the previous version has no PACKAGE/settings/test.py")
        return f"{found.parts[-3]}.settings.test"

    @contextlib.contextmanager
    def imported(self, database: str) -> Iterator[Self]:
        """Import the code once for all commands in the block."""
        with imported(self.folder, self.python, self.environment(database)) as self.project:
            yield self

    def run(self, database: str, *words: str) -> bool:
        return self.project.run(database, *words) == 0

    def migrate(self, database: str) -> bool:
        return self.run(database, "migrate", "--no-input", "--verbosity=0")

    def sample(self, database: str, *options: str, fixtures: Sequence[str] = ()) -> Report:
        """Run sample_rows.py with this version's models."""
        with tempfile.NamedTemporaryFile(suffix=".json") as report:
            if not self.run(database, str(SAMPLE_ROWS), *options, report.name, *fixtures):
                raise Failure("reading and writing rows through the models failed (see above)")
            result: Report = json.load(report)
            return result

    def test(self, database: str) -> bool:
        left_out = [f"--ignore-glob={name}" for name in NOT_SUITED]
        options = ["-p", "no:cacheprovider", "--reuse-db", "--quiet", "--exitfirst"]
        return self.run(database, "pytest", *options, *left_out, "apps")

    @contextlib.contextmanager
    def served(self, database: str) -> Iterator[RunningCode]:
        """Serve the code while the block runs."""
        port, environment = free_port(), self.environment(database)
        command = [self.python, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers=1"]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log
            )
            try:
                yield RunningCode(process, log, port)
            finally:
                process.terminate()
                process.wait(30)


def at(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def databases(url: str, *names: str) -> Iterator[MySQLdb.Connection]:
    """Create empty databases, drop them after the block; yield a connection to their server."""
    parts = urlsplit(url)
    connection = MySQLdb.connect(
        host=parts.hostname or "",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        autocommit=True,
    )
    try:
        for name in names:
            connection.query(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        yield connection
    finally:
        for name in names:
            connection.query(f"DROP DATABASE IF EXISTS `{name}`")
        connection.close()


def try_data(old: Code, new: Code, database: str) -> None:
    """Migrate what the older code stored; let each version show what the other one wrote."""
    if not old.migrate(database):
        raise Unknown("the previous version can't migrate an empty database (see above)")
    data = sorted(map(str, old.folder.glob(DATA)))
    try:
        first = old.sample(database, "--write=1", "--bare", fixtures=data)
    except Failure as failure:
        raise Unknown(f"on its own schema {failure}") from None
    print(f"migrating the previous version's database (with {len(data)} files of data)", flush=True)
    if not new.migrate(database):
        raise Failure("the previous version's database can't be migrated (see above)")
    new_run, old_run = new.sample(database, "--write=11"), old.sample(database, "--write=21")
    faults, doubts = compare(first, new_run, old_run, new.sample(database)["after"])
    for doubt in doubts:
        print(f"not covered: {doubt}", flush=True)
    for fault in faults:
        print(f"fault: {fault}", flush=True)
    if faults:
        raise Failure("one version does not see what the other one writes (see above)")


def try_pages(old: Code, database: str) -> None:
    with old.served(database) as site:
        for page in PAGES:
            if problem := site.problem_with(page):
                raise Failure(f"/{page} does not answer on the migrated database: {problem}")


def try_tests(old: Code, new: Code, database: str) -> None:
    """Run the older code's tests on an empty database that this code has migrated."""
    # pytest-django puts test_ before the name of a database, and uses the one that is there.
    if not new.migrate(f"test_{database}"):
        raise Failure("an empty database can't be migrated (see above)")
    if old.test(database):
        return
    print("the previous version's tests fail; running them again on its own schema", flush=True)
    if old.test(own(database)):
        raise Failure("the previous version's tests fail on this schema only (see above)")
    raise Unknown("the previous version's tests fail even on its own schema")


def own(database: str) -> str:
    """Return the name of the database in which a version's tests create their own schema."""
    return f"{database}_own"


def check(root: Path, commit: str, url: str) -> None:
    name = f"rollback_{os.getpid()}"
    names = (name, f"test_{name}", f"test_{own(name)}")
    with (
        tempfile.TemporaryDirectory(prefix="myproject-rollback-") as folder,
        databases(url, *names),
    ):
        older = Path(folder, "code")
        unpack(root, commit, older)
        if not (older / "manage.py").exists():
            print(f"{commit} has no manage.py, so there is no version to return to")
            return
        python = python_of(older, root, Path(folder, "venv"))
        with (
            Code(older, python, url).imported(name) as old,
            Code(root, sys.executable, url).imported(name) as new,
        ):
            try_data(old, new, name)
            try_pages(old, name)
            try_tests(old, new, name)


def main(words: list[str], root: Path = ROOT) -> int:
    begin = time.monotonic()
    try:
        commit = words[0] if words else version_before(root)
        if not commit:
            print(NOTHING_RELEASED)
            return 0
        said = git_or_nothing("log", "-1", "--format=%h %s", commit, "--", folder=root)
        print(f"previous version: {commit[:12]} ({said})", flush=True)
        check(root, commit, os.environ["DATABASE_URL"])
    except Unknown as problem:
        print(f"scripts/check-rollback: no verdict: {problem}", file=sys.stderr)
        return DID_NOT_RUN
    except Failure as failure:
        print(
            f"scripts/check-rollback: a rollback to {commit[:12]} would not be safe: {failure}."
            " docs/migrations.md has a recipe for each common change",
            file=sys.stderr,
        )
        return 1
    seconds = time.monotonic() - begin
    print(f"{commit[:12]} runs on this schema; each version shows all rows ({seconds:.0f} s)")
    return 0


if __name__ == "__main__":
    run("scripts/check-rollback", lambda: main(sys.argv[1:]))
