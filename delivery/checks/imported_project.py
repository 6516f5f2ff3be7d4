"""A Django project that is imported once, and runs each command in a fork of that process.

Importing Django and the project takes longer than most commands.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# It reads lines, each with a database's name and the words of a command: pytest's, those of a file
# in Python, or of manage.py.
# It answers with the process that runs it, and then with the exit code. What the command prints
# goes to the standard error.
PROGRAM = """\
import gc, json, os, runpy, sys
import django
from django.core.management import execute_from_command_line
from django.db import connection
django.setup()
# Else each command, when it ends, collects the garbage among all that was imported, which takes
# longer than most commands.
gc.freeze()
for line in sys.stdin:
    database, *words = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(2, 1)
        connection.settings_dict["NAME"] = database
        if words[0] == "pytest":
            import pytest
            sys.exit(pytest.main(words[1:]))
        if words[0].endswith(".py"):
            sys.argv = words
            runpy.run_path(words[0], run_name="__main__")
            sys.exit()
        sys.exit(execute_from_command_line(["manage.py", *words]))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass
class Project:
    """The process that has imported the project; it runs one command at a time."""

    process: subprocess.Popen[str]

    def start(self, database: str, *words: str) -> int:
        """Start a command on a database; return its process id, 0 if it could not be started."""
        assert self.process.stdin
        with suppress(BrokenPipeError):
            print(json.dumps([database, *words]), file=self.process.stdin, flush=True)
        return self.answer(0)

    def wait(self) -> int:
        """Return the exit code of the started command; 1 if it could not be started."""
        return self.answer(1)

    def run(self, database: str, *words: str) -> int:
        self.start(database, *words)
        return self.wait()

    def answer(self, default: int) -> int:
        assert self.process.stdout
        return int(self.process.stdout.readline() or default)


@contextmanager
def imported(
    folder: Path, python: str, variables: Mapping[str, str], output: IO[str] | None = None
) -> Iterator[Project]:
    """Import the project of a folder, and keep the process while the block runs."""
    with subprocess.Popen(
        [python, "-c", PROGRAM],
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=output,
        text=True,
    ) as process:
        try:
            yield Project(process)
        finally:
            with suppress(BrokenPipeError):
                process.communicate()
