"""The dependency audit: what it lets through, what it refuses, and what it accepts for a time."""

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from delivery.checks import audit_dependencies
from delivery.checks.accepted_advisories import FILE, accepted
from delivery.checks.audit_dependencies import verdict
from delivery.errors import Failure
from tests.delivery.in_process import run_here

TODAY = date(2026, 1, 31)
FLAW = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["5.2.2", "4.2.9"]}
ENTRY = """\
[[advisory]]
id = "CVE-1"
reason = "not used"
until = {until}
"""


def report(**package: object) -> dict[str, object]:
    return {"dependencies": [{"name": "django", "version": "5.2.1", "vulns": []} | package]}


def test_no_known_vulnerability_passes() -> None:
    assert verdict(report(), {}) == (0, "1 packages, no known vulnerability")


def test_a_vulnerability_is_reported_with_its_fix() -> None:
    named = (1, "django 5.2.1: PYSEC-1 (fixed in 5.2.2, 4.2.9)")
    assert verdict(report(vulns=[FLAW]), {}) == named


def test_a_package_that_can_not_be_looked_up_fails() -> None:
    code, message = verdict(report(skip_reason="offline"), {})
    assert (code, message) == (75, "1 of 1 could not be looked up: offline")


@pytest.mark.parametrize("empty", [{}, {"dependencies": []}, [], None])
def test_an_empty_report_fails(empty: Any) -> None:
    assert verdict(empty, {}) == (1, "pip-audit reported no package, so nothing was looked up")


# --- what is accepted


def accepted_from(folder: Path, text: str) -> dict[str, str]:
    file = folder / "list.toml"
    file.write_text(text)
    return accepted(TODAY, file)


@pytest.mark.parametrize("name", ["PYSEC-1", "CVE-1"])
def test_an_accepted_advisory_is_reported_and_passes(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, _ = verdict(report(vulns=[FLAW]), {name: "not used"})
    assert code == 0
    assert "accepted: django 5.2.1: PYSEC-1" in capsys.readouterr().out


def test_another_advisory_on_the_package_still_fails() -> None:
    other = {"id": "PYSEC-2", "aliases": [], "fix_versions": []}
    code, message = verdict(report(vulns=[FLAW, other]), {"CVE-1": "not used"})
    assert (code, message) == (1, "django 5.2.1: PYSEC-2 (fixed in no release yet)")


def test_an_advisory_is_accepted_until_its_date(tmp_path: Path) -> None:
    assert accepted_from(tmp_path, ENTRY.format(until=TODAY)) == {"CVE-1": "not used"}
    with pytest.raises(Failure, match="CVE-1: accepted until 2026-01-30, which is past"):
        accepted_from(tmp_path, ENTRY.format(until="2026-01-30"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[advisory]]\nid = "CVE-1"', "CVE-1: give it an id, a reason, and until"),
        ('[[advisory]]\nreason = "x"', "without an id: give it"),
        (ENTRY.format(until=TODAY).replace("not used", " "), "give it an id, a reason"),
        (ENTRY.format(until='"soon"'), "until is 'soon', which is not a date"),
        ("[[advisory", "Expected"),
    ],
)
def test_an_incomplete_entry_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        accepted_from(tmp_path, text)


def test_the_list_of_this_project_is_valid() -> None:
    accepted(date.min, FILE)


# --- what is looked up


@pytest.mark.parametrize(
    ("scope", "files"),
    [("", ["requirements.txt", "requirements-ci.txt"]), ("security", ["requirements.txt"])],
)
def test_a_deploy_audits_only_the_packages_in_the_image(
    monkeypatch: pytest.MonkeyPatch, scope: str, files: list[str]
) -> None:
    asked: list[str] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.extend(command)
        return subprocess.CompletedProcess(command, 0, json.dumps(report()), "")

    monkeypatch.setattr(subprocess, "run", run)
    assert run_here("scripts/audit-dependencies", SCOPE=scope).returncode == 0
    requirements = [word for word in asked if word.startswith("--requirement=")]
    assert requirements == [f"--requirement={name}" for name in files]


def test_a_past_date_fails_the_audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = subprocess.CompletedProcess([], 0, json.dumps(report()), "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    (tmp_path / "list.toml").write_text(ENTRY.format(until="2020-01-01"))
    monkeypatch.setattr(
        audit_dependencies, "accepted", lambda today: accepted(today, tmp_path / "list.toml")
    )
    failed = run_here("scripts/audit-dependencies")
    assert failed.returncode == 1
    assert "which is past" in failed.stdout
