"""The processors and memory that this process may use, often less than the machine has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
MB = 1e6


def processors() -> int:
    """Return the number of processors that affinity and control groups allow."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        found = os.cpu_count() or 1
    for group in groups("cpu"):
        quota, _, period = read(group / "cpu.max").partition(" ")  # version 2
        quota = quota or read(group / "cpu.cfs_quota_us")
        period = period or read(group / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal():
            found = min(found, math.ceil(int(quota) / int(period)))
    return max(found, 1)


def free_memory_mb() -> float:
    """Return the free memory, on the machine and within the limits of control groups."""
    found = field(PROC / "meminfo", "MemAvailable:") * 1024 / MB or math.inf
    for group in groups("memory"):
        limit = read(group / "memory.max") or read(group / "memory.limit_in_bytes")
        if limit.isdecimal():
            # Files in memory do not count: the kernel drops them when memory is needed.
            used = field(group / "memory.stat", "anon") or field(group / "memory.stat", "total_rss")
            found = min(found, (int(limit) - used) / MB)
    return found


def groups(controller: str) -> Iterator[Path]:
    """Yield this process's control group and its parents, whose limits apply too."""
    for line in read(PROC / "self" / "cgroup").splitlines():
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        root = CGROUPS / controller if names else CGROUPS
        inner = root / path.lstrip("/")
        # In a container the path can be the machine's, which does not exist there; the root does.
        yield from (one for one in (inner, *inner.parents) if one.is_relative_to(root))


def read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def field(path: Path, name: str) -> int:
    """Return the number behind a name in a file of names and numbers."""
    for line in read(path).splitlines():
        if line.split()[:1] == [name]:
            return int(line.split()[1])
    return 0
