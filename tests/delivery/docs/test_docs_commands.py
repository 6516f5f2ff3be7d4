"""Every command on a page is run, or at least exists with its options."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from delivery.docs import run_docs
from delivery.docs.pages import Block, blocks, matches, pages, read_block
from delivery.docs.run_docs import copy_to, run_page, select, tidy
from delivery.errors import Failure
from delivery.paths import ROOT
from tests.delivery.git_repository import git
from tests.delivery.in_process import module_of, run_here

# Programs that are not ours; what becomes of what they are asked is theirs.
OTHERS = {"aws", "curl", "docker", "for", "gh", "git", "pre-commit"}
BLOCKS = [block for page in pages() for block in blocks(page)]
NEVER = [block for block in BLOCKS if block.kind == "never"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "copy"
    copy_to(folder)
    return folder


def of(page: Path, kind: str) -> list[Block]:
    return [block for block in BLOCKS if (block.page, block.kind) == (page, kind)]


@pytest.mark.parametrize(
    "page", [page for page in pages() if of(page, "fast")], ids=lambda page: page.name
)
def test_the_output_of_the_commands_matches_the_page(page: Path, copy: Path) -> None:
    run_page(of(page, "fast"), copy)


@pytest.mark.parametrize("block", NEVER, ids=str)
def test_commands_that_are_not_run_exist(block: Block) -> None:
    assert len(block.why.split()) >= 2
    assert not [problem for command in block.commands for problem in problems(command.text)]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_commands_in_sentences_exist(page: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.M | re.S)
    found = re.findall(r"`((?:make|scripts/|python -m|\.venv/bin/python)\b[^`]*)`", text)
    assert not [problem for command in found for problem in problems(command)]


def problems(command: str) -> list[str]:
    """Return the parts of a command that do not exist: a target, script, stage or option."""
    words = shlex.split(command.replace("…", ""), comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    program, *rest = words
    if program == "make":
        return [word for word in rest if "=" not in word and not is_target(word)]
    if program.endswith("python"):
        program, rest = " ".join(["python", *rest[:2]]), rest[2:]
    # only with: rehearsal
    if program == "python -m rehearsal" and rest[:1] == ["run"] and rest[1:]:
        return problems(shlex.join(rest[1:]))
    # until here: rehearsal
    if program == "scripts/manage":
        rest = []  # what follows belongs to manage.py
    if "/" in program:
        if not (ROOT / program).is_file():
            return [] if (ROOT / program).is_dir() else [program]
        asked = [program]
    elif program.startswith("python -m ") and (ROOT / program.split()[2]).is_dir():
        asked = [sys.executable, *program.split()[1:], *rest[:1]]
    else:
        known = program in OTHERS or program.startswith("python ")
        return [] if known else [program]
    options = [word.partition("=")[0] for word in rest if word.startswith("--")]
    return [one for one in options if one not in help_of(*asked)]


def is_target(word: str) -> bool:
    files = (ROOT / "Makefile", *ROOT.glob("*/Makefile"))
    return any(re.search(rf"^{re.escape(word)}:", file.read_text(), re.M) for file in files)


@cache
def help_of(*words: str) -> str:
    if words[0].endswith(".py"):
        return ""
    if words[0].startswith("scripts/") and module_of(words[0]):
        return run_here(words[0], "--help").stdout
    done = subprocess.run([*words, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    "command",
    ["make nothing", "scripts/gone", "scripts/rollback staging --two", "sl", "make test bench2"],
)
def test_a_missing_command_is_noticed(command: str) -> None:
    assert problems(command)


# The runner


def read(body: str, words: str = "") -> Block:
    return read_block(ROOT / "README.md", 1, "", words, body)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a\nb", True),
        ("a", "a\nb", False),
        ("a\n...", "a\nb\nc", True),
        ("a\n...\nc", "a\nc", True),
        ("took ... s", "took 12 s", True),
        ("took ... s", "took 12 s\nmore", False),
        ("a.c", "abc", False),
    ],
)
def test_dots_match_any_text(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


def test_colours_and_trailing_spaces_are_ignored() -> None:
    assert tidy("\n\x1b[32mgreen\x1b[0m  \n\n") == "green"


def test_progress_which_only_a_slow_machine_prints_is_ignored() -> None:
    assert tidy("before\n  Formatting: 5 s ...\nFormatting: done") == "before\nFormatting: done"
    # only with: rehearsal
    steps = "    1.0  ✓ test: success  1.0 s"
    assert tidy(f"{steps}\n    9.0  … deploy · Deploy to ECS  8 s\nend") == f"{steps}\nend"
    # until here: rehearsal


def test_a_page_that_a_fork_does_not_have_is_not_run_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("<!-- run: fork -->\n```console\n$ true\n```\n")
    assert [str(name) for name, _ in select([], "fork", tmp_path)] == ["README.md"]


def test_commands_share_a_shell_and_have_no_input(tmp_path: Path) -> None:
    run_page([read("$ word=hello\n$ cat; echo $word \\\n> there\nhello there\n")], tmp_path)


@pytest.mark.parametrize(
    ("body", "words", "says"),
    [
        ("$ echo a\nb\n", "", r"README.md:1: \$ echo a\nis shown as\nb\nand printed\na"),
        ("$ false\n", "", "ended with 1"),
        ("$ true\n", "fails", "ended with 0"),
        ("$ exit\n", "", "ended the shell"),
        ("$ echo a\n", "until b", "ended the shell"),
    ],
)
def test_another_result_than_shown_fails(
    tmp_path: Path, body: str, words: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if words == "until b":  # which nothing prints
        monkeypatch.setitem(run_docs.SECONDS, "fast", 1)
    with pytest.raises(Failure, match=says):
        run_page([read(body, words)], tmp_path)


def test_commands_of_the_pages_get_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "GH_TOKEN", "GITHUB_TOKEN", "DATABASE_URL"):
        monkeypatch.setenv(name, "mine")
    run_page([read("$ env | grep -c =mine$\n0\n", "fails")], tmp_path)


def test_a_server_is_stopped(tmp_path: Path) -> None:
    run_page([read("$ echo $$ > pid; echo ready; sleep 60\n", "until ready")], tmp_path)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/cmdline").exists()


@pytest.mark.parametrize("words", ["sometimes", "never", "fast never: x", "slow fast"])
def test_an_unknown_mark_is_refused(words: str) -> None:
    with pytest.raises(Failure, match="is none of fast, slow, "):
        read("$ true\n", words)


def test_a_page_can_write_and_change_files(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Write `a/b.txt`:\n\n```\none\ntwo\nthree\n```\n\n"
        "Add to the end of `a/b.txt`:\n\n```\nfour\nfive\n```\n\n"
        "Change `a/b.txt`:\n\n```diff\n one\n-two\n+2\n three\n@@\n four\n+4.5\n five\n```\n"
    )
    run_page(blocks(page), tmp_path)
    assert (tmp_path / "a/b.txt").read_text() == "one\n2\nthree\nfour\n4.5\nfive\n"


def test_a_block_must_begin_with_a_command() -> None:
    with pytest.raises(Failure, match="begins with"):
        read("make run\n")


def test_a_copy_has_uncommitted_changes_and_leaves_the_clone_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    git(tmp_path, "init", "--quiet", "here")
    (here / "kept").write_text("1")
    (here / "gone").write_text("1")
    git(here, "add", "--all")
    git(here, "commit", "--quiet", "--message=x")
    (here / "new").write_text("2")
    (here / "staged").write_text("2")
    git(here, "add", "staged")
    (here / "gone").unlink()
    monkeypatch.setattr(run_docs, "ROOT", here)
    copy_to(tmp_path / "copy")
    (tmp_path / "copy" / "rubbish").write_text("3")
    copy_to(tmp_path / "copy")
    found = {path.name for path in (tmp_path / "copy").iterdir()}
    assert found == {".git", ".venv", "kept", "new", "staged"}
    assert not git(tmp_path / "copy", "status", "--porcelain")
