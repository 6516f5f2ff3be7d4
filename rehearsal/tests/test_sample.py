"""The sample report, which always shows a complete rehearsal."""

import json
import sys
from pathlib import Path

import pytest

from rehearsal.report import __main__ as command
from rehearsal.report import sample


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a rehearsal, in which the command writes the sample."""
    monkeypatch.setattr(command, "REPORT", tmp_path / "report")
    monkeypatch.setattr(command, "TIMELINE", tmp_path / "timeline.json")
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "report.html")])
    return tmp_path


@pytest.mark.parametrize(
    ("outcome", "stages", "real"),
    [
        ("success", ["prepare", "test.yml", "deploy-staging.yml", "deploy-prod.yml"], True),
        ("failure", ["prepare", "test.yml", "deploy-staging.yml", "deploy-prod.yml"], False),
        ("success", ["prepare", "test.yml"], False),
    ],
)
def test_the_sample_shows_only_a_complete_rehearsal(
    root: Path, outcome: str, stages: list[str], real: bool
) -> None:
    last = {"outcome": outcome, "stages": [{"name": name} for name in stages]}
    (root / "timeline.json").write_text(json.dumps(last))
    (root / "report").write_text("the last one")
    command.main()
    assert ((root / "report.html").read_text() == "the last one") is real


def test_the_sample_is_an_example_if_there_was_no_rehearsal(root: Path) -> None:
    command.main()
    assert sample.passed().version in (root / "report.html").read_text()
