"""How long somebody new waits for a green `make test`, and how long after that."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .copies import fresh_clone
from .report import Figure, NotMeasured, last_line
from .servers import find

# Nothing that an earlier installation left behind may help.
NOT_CACHED = {"PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}


def measure() -> Iterator[Figure]:
    """Yield the time of the first `make test` in a fresh clone, and of the second."""
    make = find("make", "make")
    with fresh_clone() as folder:
        yield Figure("fresh clone, make test", _test(make, folder), " s", at_most=60)
        yield Figure("make test again", _test(make, folder), " s", at_most=15)


def _test(make: str, folder: Path) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [make, "test"], cwd=folder, env=os.environ | NOT_CACHED, capture_output=True, text=True
    )
    seconds = time.perf_counter() - begin
    if done.returncode:
        reason = last_line(done.stderr or done.stdout)
        raise NotMeasured(f"make test failed in a fresh clone: {reason}")
    return seconds
