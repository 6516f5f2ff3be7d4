"""delivery/progress: a command that is silent for long, and somebody who waits for it."""

import re
import subprocess
from pathlib import Path

from tests.delivery.git_repository import ROOT


def progress(command: str) -> subprocess.Popen[str]:
    words = [str(ROOT / "delivery/progress"), "Installing", "bash", "-c", command]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_says_that_the_command_still_runs(tmp_path: Path) -> None:
    end = tmp_path / "end"
    with progress(f"until [[ -e {end} ]]; do sleep 0.1; done; echo done") as running:
        assert running.stderr
        assert re.fullmatch(r"  Installing: \d+ s \.\.\.\n", running.stderr.readline())
        end.touch()
        assert running.communicate()[0] == "done\n"
    assert running.returncode == 0


def test_it_ends_as_the_command_does() -> None:
    with progress("echo out; echo error >&2; exit 3") as ended:
        assert ended.communicate() == ("out\n", "error\n")
    assert ended.returncode == 3
