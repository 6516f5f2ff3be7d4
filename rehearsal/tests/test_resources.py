"""The measurements of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal import resources
from rehearsal.timeline import Sample, Timeline


def timeline(*samples: Sample) -> Timeline:
    found = Timeline("2026-01-31T12:00:00+00:00", "abc", "v1.0.0")
    found.samples += samples
    return found


def test_processor_seconds_are_measured_between_two_moments() -> None:
    run = timeline(Sample(1, 2, 3, 100, 0), Sample(5, 10, 12, 300, 0), Sample(9, 11, 20, 200, 0))
    assert run.cpu_seconds(1, 6) == (8, 9)
    assert run.cpu_seconds(0, 9) == (11, 20)
    assert run.peak_memory_mb == 300


def test_the_pressure_at_a_lost_request_is_compared_with_the_median() -> None:
    run = timeline(*(Sample(at, 0, 0, 0, 0.97 if at == 40 else 0.31) for at in range(1, 60)))
    assert "97% of that time; the median of this run is 31%" in run.pressure_at(41.5)
    assert "31% of that time;" in run.pressure_at(20)


def test_no_pressure_is_reported_if_the_kernel_has_none() -> None:
    assert timeline(Sample(1, 0, 0, 0, 0)).pressure_at(1) == ""


def test_the_kernel_totals_are_converted_to_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressure, statistics = tmp_path / "pressure", tmp_path / "stat"
    pressure.write_text("some avg10=1.00 avg60=1.00 avg300=1.00 total=2500000\nfull total=7\n")
    statistics.write_text("cpu  100 0 50 9000 30 10 20 20 0 0\ncpu0 1 2 3\n")
    monkeypatch.setattr(resources, "PRESSURE", pressure)
    monkeypatch.setattr(resources, "STATISTICS", statistics)
    monkeypatch.setattr("os.sysconf", lambda name: 100)
    assert resources.waited_seconds() == 2.5
    assert resources.busy_seconds() == 1.8
    statistics.unlink()
    assert resources.busy_seconds() == 0


def test_a_containers_memory_excludes_its_file_cache() -> None:
    assert resources.megabytes_of({"usage": 9e6, "stats": {"total_inactive_file": 2e6}}) == 7
    assert resources.megabytes_of({"usage": 9e6, "stats": {"inactive_file": 4e6}}) == 5
