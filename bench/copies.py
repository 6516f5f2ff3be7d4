"""Copies of the repository, so that a measurement does not change your files."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .report import NotMeasured, last_line
from .servers import ROOT


@contextmanager
def fresh_clone() -> Iterator[Path]:
    """Yield a clone of the last commit."""
    with tempfile.TemporaryDirectory(prefix="myproject-bench-") as folder:
        clone = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), folder]
        done = subprocess.run(clone, capture_output=True, text=True)
        if done.returncode:
            raise NotMeasured(f"the tree can't be cloned: {last_line(done.stderr)}")
        yield Path(folder)


@contextmanager
def working_copy() -> Iterator[Path]:
    """Yield a clone with the present state of all files that are tracked or not ignored."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    with fresh_clone() as folder:
        for name in subprocess.check_output(listing, cwd=ROOT, text=True).split("\0"):
            source, target = ROOT / name, folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        yield folder
