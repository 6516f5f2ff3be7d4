"""The report of drills: a table in which a drill that did not run does not count as passed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from rehearsal.report.page import render
from rehearsal.tests.accessible import assert_accessible
from rehearsal.timeline import Drilled, Timeline

from .test_report import text, visit

Visit = Callable[..., Page]
GATE = "deploy: Run database migrations"
__all__ = ["visit"]


def drilled() -> Timeline:
    timeline = Timeline("2026-01-31T12:00:00+00:00", "a" * 40, "v0.1.0", "failure")
    timeline.seconds = 214
    timeline.drills = [
        Drilled("migration-fails", "A migration fails.", GATE, GATE, "success", 61, 1342),
        Drilled(
            "redis-down",
            "Redis is down.",
            "deploy: Verify deployment",
            "nothing",
            "failure",
            90,
            5000,
            7,
            ["no step stopped the fault; expected: 'deploy: Verify deployment'"],
            "<b>not ready</b>",
        ),
        Drilled(
            "vulnerable-dependency",
            "A package is bad.",
            "security: Security check (dependencies)",
            "did not run",
            "skipped",
            problems=["DID NOT RUN: PyPI cannot be reached"],
        ),
    ]
    return timeline


def test_the_headline_counts_drills_that_did_not_run_separately() -> None:
    assert "3 drills: 1 passed, 1 failed, 1 did not run" in text(render(drilled()))


def test_a_row_has_fault_gate_time_and_requests() -> None:
    said = text(render(drilled()))
    assert f"migration-fails A migration fails. {GATE} {GATE} 1 min 1 s 0 of 1,342 passed" in said


def test_a_failed_drill_shows_its_problems_and_output() -> None:
    page = render(drilled())
    assert "no step stopped the fault" in page
    assert "&lt;b&gt;not ready&lt;/b&gt;" in page


def test_a_report_with_only_drills_has_no_empty_sections() -> None:
    page = render(drilled())
    assert "Timeline" not in text(page) and "Stages and jobs" not in text(page)
    assert "[unknown variable" not in page


def test_the_report_of_drills_is_accessible(visit: Visit, tmp_path: Path) -> None:
    assert_accessible(visit(drilled()))


def test_the_report_of_drills_fits_a_small_phone(visit: Visit) -> None:
    page = visit(drilled(), viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
