"""The parser of CHANGELOG.md, which reads Markdown and not single lines."""

import sys
from datetime import date
from pathlib import Path

import pytest

from delivery.changelog import Changelog, NoParser
from delivery.errors import Failure
from delivery.release import check_release
from delivery.release.changelog_section import section
from delivery.release.release import has_entries, with_version

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 2, 1)
COMPARE = "https://github.com/o/r/compare"

NOT_A_HEADING = {
    "fence": "```\n## [9.9.9]\n```",
    "long fence": "````markdown\n```\n## [9.9.9]\n```\n````",
    "tilde fence": "~~~\n## [9.9.9]\n```\n## [9.9.8]\n~~~",
    "comment": "<!--\n## [9.9.9]\n\n## [9.9.8]\n-->",
    "indented code": "    ## [9.9.9]",
    "list": "- ## [9.9.9]\n\n  ```\n  ## [9.9.8]\n  ```",
    "quote": "> ## [9.9.9]",
    "escape": r"\## [9.9.9]",
    "no space": "##[9.9.9]",
    "deeper": "### [9.9.9]",
    "definition": "[9.9.9]: https://example.com/9.9.9",
}


@pytest.mark.parametrize("text", NOT_A_HEADING.values(), ids=NOT_A_HEADING)
def test_only_a_heading_ends_a_section(text: str) -> None:
    changelog = f"# Changelog\n\n## [1.2.3]\n\nBefore.\n\n{text}\n\nAfter.\n\n## [1.2.2]\n\nOld.\n"
    found = section(changelog, "1.2.3")
    assert (found[:7], found[-6:]) == ("Before.", "After.")
    assert text.startswith("[9.9.9]:") or text in found
    assert Changelog(changelog).versions() == ["1.2.3", "1.2.2"]


@pytest.mark.parametrize(
    "heading",
    [
        "## [1.2.3] - 2026-01-31",
        "## 1.2.3",
        "## v1.2.3 (2026-01-31)",
        "## [v1.2.3](https://example.com)",
        "##   [1.2.3]   ##",
        "  ## **1.2.3**",
        "[1.2.3] - 2026-01-31\n-------",
        '## <a name="new"></a>1.2.3',
    ],
)
def test_each_spelling_of_a_heading_is_recognized(heading: str) -> None:
    for newline in ("\n", "\r\n"):
        text = f"# Changelog\n\n{heading}\n\n- A thing.\n\n# End\n\nMore.\n"
        assert section(text.replace("\n", newline), "v1.2.3") == "- A thing."


def test_a_section_includes_the_links_and_footnotes_it_uses() -> None:
    text = """\
## [1.2.3]

- [One][a], [two], ![three][c] and a note[^n].

[two]: https://example.com/2

## [1.2.2]

- Old[^o].

[a]: https://example.com/1 "One"
[b]: https://example.com/b
[C]:
  https://example.com/3
[^n]: A note, with a [link][b]

    and more.
[^o]: Old.

[a]: https://example.com/again
[1.2.3]: https://example.com/1.2.3
"""
    assert section(text, "1.2.3") == """\
- [One][a], [two], ![three][c] and a note[^n].

[two]: https://example.com/2
[a]: https://example.com/1 "One"
[b]: https://example.com/b
[C]:
  https://example.com/3
[^n]: A note, with a [link][b]

    and more."""
    assert section(text, "1.2.2") == "- Old[^o].\n\n[^o]: Old."


def test_a_comment_is_not_an_entry() -> None:
    for text, entries in {
        "<!-- nothing yet -->": False,
        "### Added\n\n-": False,
        "x": True,
    }.items():
        changelog = f"## [Unreleased]\n\n{text}\n\n## [1.2.2]\n\n- Old.\n"
        assert has_entries(changelog) is entries
    assert not has_entries("# Changelog\n")


def test_the_link_to_the_comparison_moves_to_the_new_version() -> None:
    links = f"[Unreleased]: {COMPARE}/v1.2.2...HEAD\n[1.2.2]: {COMPARE}/v1.2.1...v1.2.2\n"
    text = f"# C\n\n## [Unreleased]\n\n- New.\n\n## [1.2.2]\n\n- Old.\n\n{links}"
    assert with_version(text, "1.2.3", DAY, "https://example.com/1.2.3") == (
        "# C\n\n## [Unreleased]\n\n## [1.2.3] - 2026-02-01\n\n- New.\n\n## [1.2.2]\n\n- Old.\n\n"
        f"[Unreleased]: {COMPARE}/v1.2.3...HEAD\n"
        f"[1.2.3]: {COMPARE}/v1.2.2...v1.2.3\n"
        f"[1.2.2]: {COMPARE}/v1.2.1...v1.2.2\n"
    )


def test_a_version_is_inserted_below_unreleased_and_not_into_an_example() -> None:
    example = "```\n## [Unreleased]\n```"
    text = f"# C\n\n{example}\n\n## [unreleased]\n\n- New.\n"
    moved = with_version(text, "1.2.3", DAY)
    assert moved == f"# C\n\n{example}\n\n## [unreleased]\n\n## [1.2.3] - 2026-02-01\n\n- New.\n"


def test_without_the_parser_only_a_redeploy_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    monkeypatch.setattr(check_release, "commit_of", lambda version: "abc")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    with pytest.raises(NoParser, match=r"pip install --require-hashes -r requirements-release.txt"):
        check_release.check("v1.2.3", "", redeploy=False)
    check_release.check("v1.2.3", "", redeploy=True)
    assert "CHANGELOG.md was not read" in capsys.readouterr().out
    with pytest.raises(Failure, match="markdown-it-py is missing"):
        has_entries("")


def test_the_release_runner_uses_tested_versions() -> None:
    pins = [(ROOT / f"requirements-{name}.txt").read_text() for name in ("release", "ci")]
    release, ci = ({line for line in text.splitlines() if "==" in line} for text in pins)
    assert release and release <= ci
