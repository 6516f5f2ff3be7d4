"""delivery/progress: a command that is silent for long, and somebody who waits for it."""

import re
import subprocess
from pathlib import Path

from tests.delivery.git_repository import ROOT


def progress(command: str) -> subprocess.Popen[str]:
    words = [str(ROOT / "delivery/progress"), "Installing", "bash", "-c", command]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_progress_is_printed_while_the_command_runs(tmp_path: Path) -> None:
    end = tmp_path / "end"
    # Without a line, the test fails when the command gives up.
    command = f"for _ in {{1..600}}; do [[ ! -e {end} ]] || break; sleep 0.1; done; echo done"
    with progress(command) as running:
        assert running.stderr
        assert re.fullmatch(r"  Installing: \d+ s \.\.\.\n", running.stderr.readline())
        end.touch()
        assert running.communicate()[0] == "done\n"
    assert running.returncode == 0


def test_output_and_exit_code_are_those_of_the_command() -> None:
    with progress("echo out; echo error >&2; exit 3") as ended:
        assert ended.communicate() == ("out\n", "error\n")
    assert ended.returncode == 3
