"""delivery/progress: a command that is silent for long, and somebody who waits for it."""

import subprocess

from tests.delivery.git_repository import ROOT


def progress(command: str) -> subprocess.CompletedProcess[str]:
    words = [str(ROOT / "delivery/progress"), "Installing", "bash", "-c", command]
    return subprocess.run(words, capture_output=True, text=True)


def test_it_says_that_the_command_still_runs() -> None:
    done = progress("sleep 6; echo done")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.startswith("  Installing: 5 s ...\n")


def test_it_ends_as_the_command_does_and_says_nothing_more() -> None:
    done = progress("echo out; echo error >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "error\n")
