"""A git repository with the files tracked here, for tests that change it as a whole."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WHO = {
    f"GIT_{who}_{what}": "somebody@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
# What would lead back to this repository, to its servers, or to what its tests cover.
OURS = ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "COVERAGE_FILE")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with the programs of this Python first on PATH."""
    variables = {name: value for name, value in os.environ.items() if name not in OURS} | WHO
    variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
    return subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True)


def git(folder: Path, *words: str) -> str:
    done = run(folder, "git", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, **changes: str) -> None:
    """Commit the state of a folder, after writing the given files."""
    for path, text in changes.items():
        (folder / path).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a change")


def copy(folder: Path, *under: str) -> Path:
    """Make a repository with one commit of the files tracked here, or of some paths."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *under)
    listed += (".gitignore",) * bool(under)
    for path in subprocess.check_output(listed, cwd=ROOT, text=True).splitlines():
        if (ROOT / path).exists():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, folder / path)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder
