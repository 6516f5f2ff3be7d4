"""The capacity of a machine, read from files of /proc and of control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rehearsal import capacity

UNLIMITED_V1 = "9223372036854771712"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of eight processors with 8 GB of free memory, and without control groups."""
    monkeypatch.setattr(capacity, "PROC", tmp_path / "proc")
    monkeypatch.setattr(capacity, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    write(tmp_path / "proc", {"meminfo": "MemTotal: 16000000 kB\nMemAvailable: 7812500 kB"})
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{text}\n")


def test_without_limits_the_capacity_is_the_machines(machine: Path) -> None:
    assert (capacity.processors(), capacity.free_memory_mb()) == (8, 8000)


def test_a_parent_control_group_limits_the_capacity(machine: Path) -> None:
    write(machine / "proc/self", {"cgroup": "0::/jobs/one"})
    write(machine / "cgroup/jobs/one", {"cpu.max": "max 100000", "memory.max": "max"})
    stat = "anon 1000000000\nfile 500000000"
    limits = {"cpu.max": "150000 100000", "memory.max": "4000000000", "memory.stat": stat}
    write(machine / "cgroup/jobs", limits)
    assert (capacity.processors(), capacity.free_memory_mb()) == (2, 3000)


def test_a_control_group_of_version_1_limits_the_capacity(machine: Path) -> None:
    groups = "4:memory:/docker/1\n2:cpu,cpuacct:/docker/1\n1:name=systemd:/\n0::/"
    write(machine / "proc/self", {"cgroup": groups})
    # A container sees its own group as the root.
    write(machine / "cgroup/cpu", {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"})
    stat = "cache 7\ntotal_rss 500000000"
    limits = {"memory.limit_in_bytes": "2000000000", "memory.stat": stat}
    write(machine / "cgroup/memory", limits)
    assert (capacity.processors(), capacity.free_memory_mb()) == (1, 1500)


def test_a_control_group_of_version_1_may_have_no_limit(machine: Path) -> None:
    write(machine / "proc/self", {"cgroup": "4:memory:/\n2:cpu:/"})
    write(machine / "cgroup/cpu", {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"})
    write(machine / "cgroup/memory", {"memory.limit_in_bytes": UNLIMITED_V1})
    assert (capacity.processors(), capacity.free_memory_mb()) == (8, 8000)
