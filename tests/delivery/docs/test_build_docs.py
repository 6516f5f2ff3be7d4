"""The site: every link still leads somewhere."""

from pathlib import Path

import pytest

from delivery.docs import build_docs
from delivery.errors import Failure


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a few pages."""
    for name, place in {"ROOT": tmp_path, "PAGES": tmp_path / "out"}.items():
        monkeypatch.setattr(build_docs, name, place)
    monkeypatch.setattr(build_docs, "FOLDERS", (tmp_path / "docs", tmp_path / "tool/docs"))
    for page, text in {
        "README.md": "[a](docs/a.md#b) [e](.env.example) [c](CHANGELOG.md) [w](https://x.org/y.md)",
        "CHANGELOG.md": "[b](docs/deep/b.md)",
        ".env.example": "A=1",
        "docs/a.md": "![p](images/p.svg) [r](../README.md)",
        "docs/c.md": "[t](../tool/docs/deep/t.md)",
        "tool/docs/deep/t.md": "[a](../../../docs/a.md#b) [u](u.md)",
        "tool/docs/deep/u.md": "of the tool",
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
        ("docs/c.md", "c.md", "[t](deep/t.md)"),
        ("tool/docs/deep/t.md", "deep/t.md", "[a](../a.md#b) [u](u.md)"),
    ],
)
def test_files_that_a_page_links_to_are_copied(root: Path, page: str, name: str, text: str) -> None:
    build_docs.copy_page(root / page)
    assert (root / "out" / name).read_text() == text


def test_a_broken_link_is_refused(root: Path) -> None:
    (root / "docs/a.md").write_text("[x](../gone.md)")
    with pytest.raises(Failure, match=r"docs/a.md links to ../gone.md, which is not there"):
        build_docs.copy_page(root / "docs/a.md")
