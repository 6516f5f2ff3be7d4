"""A clone as Git for Windows makes it, in a folder whose path has spaces."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.in_process import ROOT, module_of

SHELL = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "scripts").iterdir()
    if path.is_file() and not path.suffix and not module_of(f"scripts/{path.name}")
)
# All that start a module start it in the same way.
PROGRAMS = [*SHELL, "scripts/rollback"]
PROGRAMS += ["rehearsal/box", "rehearsal/images/build"]  # only with: rehearsal


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("a b") / "clone here"
    command = ["git", "clone", "--quiet", "--config=core.autocrlf=true", str(ROOT), str(path)]
    subprocess.run(command, check=True)
    return path


def test_no_text_has_the_line_ends_of_windows(clone: Path) -> None:
    command = ["git", "-C", str(clone), "ls-files", "--eol"]
    listed = subprocess.check_output(command, text=True).splitlines()
    assert len(listed) > 100
    assert not [line for line in listed if re.search(r"\b[iw]/(crlf|mixed)\b", line)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_script_runs_from_a_path_with_spaces(clone: Path, tmp_path: Path, program: str) -> None:
    # The clone has no .venv, so a module is run by the Python in PATH.
    variables = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [str(clone / program), "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert program in done.stdout
