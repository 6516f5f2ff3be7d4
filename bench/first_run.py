"""Measure the time of the first `make test` in a new clone, and of the second."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .copies import fresh_clone
from .report import Figure, NotMeasured, last_line
from .servers import find

# Nothing that an earlier installation left behind may help, and nobody's servers. Docker is out of
# sight: the tests of the image build one, which is a section of its own.
ALONE = {
    "PIP_NO_CACHE_DIR": "1",
    "UV_NO_CACHE": "1",
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "DOCKER_HOST": "tcp://127.0.0.1:9",
}


def measure() -> Iterator[Figure]:
    """Yield the time of the first `make test` in a fresh clone, and of the second."""
    make = find("make", "make")
    with fresh_clone() as folder:
        yield Figure("fresh clone, make test (no Docker)", _test(make, folder), " s", at_most=60)
        yield Figure("make test again (no Docker)", _test(make, folder), " s", at_most=15)


def _test(make: str, folder: Path) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [make, "test"], cwd=folder, env=os.environ | ALONE, capture_output=True, text=True
    )
    seconds = time.perf_counter() - begin
    if done.returncode:
        reason = last_line(done.stderr or done.stdout)
        raise NotMeasured(f"make test failed in a fresh clone: {reason}")
    return seconds
