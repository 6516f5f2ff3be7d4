"""The soak: each run is counted, none is repeated, and reports of failed runs are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rehearsal import soak

TIMELINE = {"stages": [{"load": None}, {"load": {"requests": 9, "lost": [{"at": 1}]}}]}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for reports; the pipeline writes a report and fails."""
    timeline, report = tmp_path / "timeline.json", tmp_path / "report.html"
    timeline.write_text(json.dumps(TIMELINE))
    fails = ["sh", "-c", f"echo a report > {report}; exit 3"]
    monkeypatch.setattr(soak, "COMMANDS", {"test": ["true"], "pipeline": fails})
    monkeypatch.setattr(soak, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(soak, "TIMELINE", timeline)
    monkeypatch.setattr(soak, "EVIDENCE", {"pipeline": (report, timeline)})
    return tmp_path / "kept"


def test_a_failed_run_is_counted_and_its_report_kept(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert soak.main(["--runs=2", "--loops=1"]) == 1
    printed = capsys.readouterr().out
    assert "pipeline-2: FAILED with exit code 3" in printed
    test, pipeline = (line.split() for line in printed.splitlines()[-2:])
    assert test[:4] == ["test", "2", "of", "2"]
    assert pipeline[:4] == ["pipeline", "0", "of", "2"]
    assert pipeline[7:9] == ["18", "2"]
    assert (kept / "pipeline-2-report.html").read_text() == "a report\n"


def test_the_exit_code_is_zero_if_all_runs_pass(kept: Path) -> None:
    assert soak.main(["test", "--runs=1", "--loops=1"]) == 0


def test_a_soak_without_a_run_is_an_error(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        soak.main(["test", "--runs=0"])
    assert "invalid positive value: '0'" in capsys.readouterr().err


def test_an_unknown_command_is_an_error(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        soak.main(["tests"])
    assert "unknown command 'tests': choose from test, pipeline" in capsys.readouterr().err
