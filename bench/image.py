"""Measure the size of the image above its base, and the time to rebuild it."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .copies import working_copy
from .report import Figure, NotMeasured, last_line

CHANGED = "apps/health/views.py"


def measure() -> Iterator[Figure]:
    """Yield the image's size above its base, and the time of a build after one file changed."""
    tag = f"myproject-bench:{os.getpid()}"
    with working_copy() as folder:
        _run(folder, "scripts/build-image", tag)
        try:
            report = _run(folder, "scripts/image-report", tag)
            size = re.search(r"adds ([\d.]+) MB to (\S+)", report)
            if not size:
                raise NotMeasured(f"scripts/image-report tells no size: {last_line(report)}")
            yield Figure(f"image above {size[2]}", float(size[1]), " MB", at_most=60)
            yield Figure("image again, one file changed", _rebuild(folder, tag), " s", at_most=3)
        finally:
            subprocess.run(["docker", "image", "rm", "--force", tag], capture_output=True)


def _rebuild(folder: Path, tag: str) -> float:
    with (folder / CHANGED).open("a") as changed:
        changed.write("\n# Changed by the benchmark.\n")
    begin = time.perf_counter()
    _run(folder, "scripts/build-image", tag)
    return time.perf_counter() - begin


def _run(folder: Path, script: str, tag: str) -> str:
    done = subprocess.run([folder / script, tag], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise NotMeasured(f"{script} failed: {last_line(done.stderr)}")
    return done.stdout
