"""The site: every link still leads somewhere, and the sample of a report is a whole one."""

import json
from pathlib import Path

import pytest

from delivery.docs import build_docs
from delivery.errors import Failure
from rehearsal.tests import sample


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a few pages."""
    for name, place in {"ROOT": "", "DOCS": "docs", "PAGES": "out", "REPORT": "report"}.items():
        monkeypatch.setattr(build_docs, name, tmp_path / place)
    monkeypatch.setattr(build_docs, "TIMELINE", tmp_path / "timeline.json")
    for page, text in {
        "README.md": "[a](docs/a.md#b) [e](.env.example) [c](CHANGELOG.md) [w](https://x.org/y.md)",
        "CHANGELOG.md": "[b](docs/deep/b.md)",
        ".env.example": "A=1",
        "docs/a.md": "![p](images/p.svg) [r](../README.md)",
        "docs/images/p.svg": "<svg/>",
        "docs/deep/b.md": "[a](../a.md) [e](../../.env.example)",
    }.items():
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / page).write_text(text)
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("page", "name", "text"),
    [
        (
            "README.md",
            "index.md",
            "[a](a.md#b) [e](files/env.example.txt) [c](changelog.md) [w](https://x.org/y.md)",
        ),
        ("README.md", "changelog.md", "[b](deep/b.md)"),
        ("docs/a.md", "a.md", "![p](images/p.svg) [r](index.md)"),
        ("docs/deep/b.md", "deep/b.md", "[a](../a.md) [e](../files/env.example.txt)"),
    ],
)
def test_a_page_takes_along_what_it_links_to(root: Path, page: str, name: str, text: str) -> None:
    build_docs.copy_page(root / page)
    assert (root / "out" / name).read_text() == text


def test_a_link_to_nothing_is_refused_by_name(root: Path) -> None:
    (root / "docs/a.md").write_text("[x](../gone.md)")
    with pytest.raises(Failure, match=r"docs/a.md links to ../gone.md, which is not there"):
        build_docs.copy_page(root / "docs/a.md")


@pytest.mark.parametrize(
    ("outcome", "stages", "real"),
    [
        ("success", ["prepare", "test.yml", "deploy-staging.yml", "deploy-prod.yml"], True),
        ("failure", ["prepare", "test.yml", "deploy-staging.yml", "deploy-prod.yml"], False),
        ("success", ["prepare", "test.yml"], False),
    ],
)
def test_the_sample_is_of_a_rehearsal_that_went_all_the_way(
    root: Path, outcome: str, stages: list[str], real: bool
) -> None:
    last = {"outcome": outcome, "stages": [{"name": name} for name in stages]}
    (root / "timeline.json").write_text(json.dumps(last))
    (root / "report").write_text("the last one")
    build_docs.copy_report()
    assert ((root / "out/report.html").read_text() == "the last one") is real


def test_without_a_rehearsal_the_sample_is_made_up(root: Path) -> None:
    build_docs.copy_report()
    assert sample.passed().version in (root / "out/report.html").read_text()
