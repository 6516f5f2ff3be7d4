"""The commands that the pages show, and what they print.

A block ```console has commands after `$ `, continued after `> `, and below each what it prints;
`...` stands for what varies. A comment in the line before says more: <!-- run: WORDS -->

  (no comment)       the tests run it
  slow               `make docs-test` runs it
  fork               `make docs-test` runs it in a fork, from the page of the fork
  rehearsal          `run_docs --kind rehearsal` runs it  # only with: rehearsal
  fails              its last command must fail
  until TEXT         it serves: it is ended once it has printed that
  never: WHY         nobody runs it; the tests make sure that what it names is there

A line above a block says to readers and to the tests which file of the fork it changes:

  Write `PATH`:              the block is the whole file
  Add to the end of `PATH`:  the block is appended
  Change `PATH`:             the block is a ```diff, whose hunks have context before and after, no
                             numbers, and a line @@ between them
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from delivery.errors import Failure
from delivery.paths import ROOT

KINDS = (
    "fast",
    "slow",
    "fork",
    "rehearsal",  # only with: rehearsal
    "never",
)
# The folders with pages, beside those in the root.
FOLDERS = (
    ROOT / "docs",
    ROOT / "rehearsal" / "docs",  # only with: rehearsal
)
BLOCK = re.compile(r"^( *)(?:<!-- run: ([^\n]+) -->\n *)?```console\n(.*?)^ *```", re.M | re.S)
FILE = re.compile(r"^(Write|Add to the end of|Change) `(\S+)`:\n\n```\w*\n(.*?)^```", re.M | re.S)


@dataclass(frozen=True)
class Command:
    text: str
    shown: str  # its output; empty if the page shows none


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    kind: str
    fails: bool
    until: str
    why: str
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        return f"{os.path.relpath(self.page, ROOT)}:{self.line}"


def pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *(p for f in FOLDERS for p in sorted(f.rglob("*.md")))]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page; raise Failure if one is malformed."""
    text = page.read_text()
    found = sorted([*BLOCK.finditer(text), *FILE.finditer(text)], key=lambda match: match.start())
    return [
        (read_block if match.re is BLOCK else read_file)(
            page, text.count("\n", 0, match.start()) + 1, *match.groups(default="")
        )
        for match in found
    ]


def read_file(page: Path, line: int, action: str, path: str, body: str) -> Block:
    """Return a block that changes a file as a person would."""
    if action == "Change":
        # Any line but the first: a hunk that begins there must match there.
        body = f"--- a/{path}\n+++ b/{path}\n@@\n{body}".replace("@@\n", "@@ -2 +2 @@\n")
        command = "git apply --recount"
    else:
        command = f"cat {'>' if action == 'Write' else '>>'}{path}"
    text = f"mkdir -p {Path(path).parent}\n{command} <<'END OF FILE'\n{body}END OF FILE"
    return Block(page, line, "fork", False, "", "", (Command(text, ""),))


def read_block(page: Path, line: int, indent: str, words: str, body: str) -> Block:
    rest, _, why = words.partition("never: ")
    rest, _, until = rest.partition("until ")
    named = rest.split() or (["never"] if why else ["fast"])
    fails = "fails" in named
    kind = " ".join(word for word in named if word != "fails") or "fast"
    if kind not in KINDS or (kind == "never") != bool(why):
        raise Failure(f"{page}:{line}: <!-- run: {words} --> is none of {', '.join(KINDS)}")
    lines = [text.removeprefix(indent) for text in body.splitlines()]
    return Block(page, line, kind, fails, until, why, tuple(read_commands(lines)))


def read_commands(lines: list[str]) -> Iterator[Command]:
    if not lines or not lines[0].startswith("$ "):
        raise Failure(f"a block begins with {lines[:1]}, and not with a command: $ …")
    text, shown = "", list[str]()
    for line in [*lines, "$ "]:
        if line.startswith("$ "):
            if text:
                yield Command(text, "\n".join(shown))
            text, shown = line[2:], []
        elif line.startswith("> ") and not shown:
            text += f"\n{line[2:]}"
        else:
            shown.append(line)


def matches(shown: str, printed: str) -> bool:
    """Return whether a command's output matches; `...` alone stands for any number of lines."""
    lines = printed.splitlines()
    used = {0}  # the numbers of lines that the part so far can match
    for line in shown.splitlines():
        pattern = re.compile(re.escape(line).replace(r"\.\.\.", ".*"))
        if line == "..." and used:
            used = set(range(min(used), len(lines) + 1))
        else:
            used = {n + 1 for n in used if n < len(lines) and pattern.fullmatch(lines[n])}
    return len(lines) in used
