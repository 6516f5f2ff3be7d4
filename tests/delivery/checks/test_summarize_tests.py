"""scripts/summarize-tests: the run's page on the checks of a job."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from delivery.checks.summarize_tests import summarize
from delivery.errors import Failure
from tests.delivery.in_process import ROOT, run_here

Tested = Callable[[str], Path]
PASSED = {"tests": {"outcome": "success"}}
PROGRAM = "def half(n):\n    if n:\n        return n / 2\n    return 0\n"
SUITE = """\
import pytest
from program import half

def test_half(record_testsuite_property):
    record_testsuite_property("MySQL", "8.4.5")
    assert half(2) == 1

@pytest.mark.parametrize("n", [1, 2])
def test_image(n):
    pytest.skip("no Docker | here")
"""
FAILING = """\
import pytest

@pytest.mark.parametrize("n", range(25))
def test_it(n):
    assert 1 == 2, "one\\ntwo"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a threshold of 90 %."""
    return make_project(tmp_path)


def make_project(folder: Path) -> Path:
    settings = "[tool.coverage.run]\nbranch = true\nomit = ['test_*']\n"
    settings += "[tool.coverage.report]\nfail_under = 90\n"
    (folder / "pyproject.toml").write_text(settings)
    (folder / "program.py").write_text(PROGRAM)
    return folder


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Tested:
    """Return a function that makes the project, and runs the real pytest in it."""

    @cache
    def tested_by(suite: str) -> Path:
        folder = make_project(tmp_path_factory.mktemp("project"))
        (folder / "test_program.py").write_text(suite)
        command = [sys.executable, "-m", "pytest", "--rootdir=.", "-p", "pytest_cov"]
        command += ["--cov=.", "--cov-report=xml", "--junit-xml=tests.xml"]
        alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COVERAGE_FILE": ".coverage"}
        subprocess.run(command, cwd=folder, env=alone, capture_output=True, check=False)
        return folder

    return tested_by


def test_the_page_counts_the_tests_and_gives_the_reasons_of_skips(tested: Tested) -> None:
    folder = tested(SUITE)
    page = summarize(folder, PASSED)
    assert "| tests | passed |" in page
    assert "On MySQL 8.4.5." in page
    assert "1 tests passed, 0 failed, 2 skipped in " in page
    assert "| no Docker \\| here | 2 |" in page


def test_a_file_below_the_coverage_gate_is_listed_with_its_lines(tested: Tested) -> None:
    folder = tested(SUITE)
    page = summarize(folder, PASSED)
    # 3 of 4 lines and 1 of 2 branches
    assert "Coverage of lines and branches: 66.6 %; the gate requires 90 %: **FAILED**" in page
    assert "| `program.py` | 66.6 % | 2, 4 |" in page


def test_full_coverage_lists_no_file(tested: Tested) -> None:
    folder = tested(SUITE.replace("half(2) == 1", "half(2) + half(0) == 1"))
    page = summarize(folder, PASSED)
    assert "Coverage of lines and branches: 100 %; the gate requires 90 %: passed" in page
    assert "program.py" not in page


def test_coverage_is_rounded_down(folder: Path) -> None:
    lines = "".join(f'<line number="{n}" hits="{min(n, 1)}"/>' for n in range(3000))
    file = f'<class filename="a.py"><lines>{lines}</lines></class>'
    (folder / "coverage.xml").write_text(f"<coverage>{file}</coverage>")
    assert "Coverage of lines and branches: 99.9 %" in summarize(folder, PASSED)


def test_a_failed_test_is_listed_with_the_first_line_of_its_error(tested: Tested) -> None:
    page = summarize(tested(FAILING), {"tests": {"outcome": "failure"}})
    assert "| tests | **FAILED** |" in page
    assert "0 tests passed, 25 failed, 0 skipped" in page
    assert "| `test_program.test_it[0]` | AssertionError: one |" in page


def test_the_page_lists_at_most_twenty_failures(tested: Tested) -> None:
    page = summarize(tested(FAILING), PASSED)
    assert page.count("AssertionError: one") == 20
    assert "And 5 more: see the log." in page


def test_tests_that_did_not_finish_are_reported(folder: Path) -> None:
    page = summarize(folder, {"tests": {"outcome": "failure"}})
    assert "No tests.xml: the tests did not finish." in page
    assert "No coverage.xml: coverage was not measured." in page


def test_old_reports_are_ignored_if_the_tests_did_not_run(tested: Tested) -> None:
    folder = tested(SUITE)
    steps = {"migrations": {"outcome": "failure"}, "tests": {"outcome": "skipped"}}
    page = summarize(folder, steps)
    assert page.splitlines()[2:] == ["| migrations | **FAILED** |", "| tests | did not run |"]


def test_the_page_of_the_delivery_tests_has_no_coverage(tested: Tested) -> None:
    folder = tested(SUITE)
    page = summarize(folder, {"delivery-tests": {"outcome": "success"}})
    assert "| delivery tests | passed |" in page
    assert "1 tests passed, 0 failed, 2 skipped in " in page
    assert "Coverage" not in page


# only with: rehearsal
def test_the_rehearsal_tests_have_their_own_report(folder: Path) -> None:
    report = '<testsuite tests="{}" failures="0" errors="0" skipped="0" time="1"/>'
    (folder / "tests.xml").write_text(report.format(3))
    (folder / "rehearsal.xml").write_text(report.format(5))
    did_not_run = {"delivery-tests": PASSED["tests"], "rehearsal-tests": {"outcome": "skipped"}}
    assert "5 tests passed" not in summarize(folder, did_not_run)
    page = summarize(folder, did_not_run | {"rehearsal-tests": PASSED["tests"]})
    assert "### Delivery tests\n\n3 tests passed" in page
    assert "### Rehearsal tests\n\n5 tests passed" in page


# until here: rehearsal
def test_the_page_of_a_job_without_tests_lists_only_its_gates(folder: Path) -> None:
    page = summarize(folder, {"0": {"outcome": "success"}, "type-checking": {"outcome": "success"}})
    assert page.splitlines()[2:] == ["| type checking | passed |"]


def test_an_incomplete_report_is_refused(folder: Path) -> None:
    (folder / "tests.xml").write_text("<testsuites>")
    with pytest.raises(Failure, match=r"tests\.xml is no XML"):
        summarize(folder, PASSED)


def test_the_page_is_printed_and_added_to_the_summary(folder: Path) -> None:
    page = folder / "page.md"
    variables = {"STEPS": json.dumps(PASSED), "GITHUB_STEP_SUMMARY": str(page)}
    done = subprocess.run(
        [ROOT / "scripts/summarize-tests"],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert page.read_text() == done.stdout


def test_invalid_json_in_steps_is_refused_in_one_line() -> None:
    done = run_here("scripts/summarize-tests", STEPS="Object")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "STEPS is not the output of toJson(steps)" in done.stderr
