"""Run the commands that the pages show, and compare what they print with what is shown.

A block ```console has commands after `$ `, continued after `> `, and below each what it prints;
`...` stands for what varies. A comment in the line before says more: <!-- run: WORDS -->

  (no comment)       the tests run it
  slow, rehearsal    `make docs-test` and `make tutorial` run it
  fails              its last command must fail
  until TEXT         it serves: it is ended once it has printed that
  never: WHY         nobody runs it; the tests make sure that what it names is there

It runs in a copy of this clone, with none of the service's variables set.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.actions import run
from scripts.aws import Failure

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "rehearsal" / ".out" / "pages"
KINDS = ("fast", "slow", "rehearsal", "never")
SECONDS = {"fast": 120, "slow": 900, "rehearsal": 3600}
BLOCK = re.compile(r"^( *)(?:<!-- run: ([^\n]+) -->\n *)?```console\n(.*?)^ *```", re.M | re.S)
END = "@@ended@@"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    text: str
    shown: str  # what it prints; empty where the page doesn't say


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
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return a page's blocks; raise Failure where one can't be understood."""
    text = page.read_text()
    return [
        read_block(page, text.count("\n", 0, found.start()) + 1, *found.groups(default=""))
        for found in BLOCK.finditer(text)
    ]


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
    """Whether a command printed what is shown; `...` alone on a line is any number of lines."""
    lines = printed.splitlines()
    used = {0}  # how many lines what was shown so far may stand for
    for line in shown.splitlines():
        pattern = re.compile(re.escape(line).replace(r"\.\.\.", ".*"))
        if line == "..." and used:
            used = set(range(min(used), len(lines) + 1))
        else:
            used = {n + 1 for n in used if n < len(lines) and pattern.fullmatch(lines[n])}
    return len(lines) in used


def tidy(printed: str) -> str:
    """Return what was printed, without colours and without spaces that nobody sees."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed)
    return "\n".join(line.rstrip() for line in plain.splitlines()).strip("\n")


def environment() -> dict[str, str]:
    """Return this process's, without what would configure the service."""
    ours = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "COLUMNS": "100", "PORT": free_port()}


def free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def copy_to(folder: Path) -> None:
    """Make a clone of what is here, committed or not, with the packages that are installed here."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
        (folder / ".git" / "info" / "exclude").write_text(".venv\n")
        (folder / ".venv").symlink_to(Path(sys.prefix))
    git(folder, "fetch", "--quiet", str(ROOT), "HEAD")
    git(folder, "checkout", "--quiet", "--force", "--detach", "FETCH_HEAD")
    git(folder, "clean", "--quiet", "-fd")
    words = ("ls-files", "-z", "--modified", "--others", "--exclude-standard")
    names = [name for name in git(ROOT, *words).split("\0") if name]
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target)
    if names:
        git(folder, "add", "--all")
        who = ("-c", "user.name=Pages", "-c", "user.email=pages@localhost")
        git(folder, *who, "commit", "--quiet", "--message=What is not committed yet")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"git {words[0]}: {' '.join(done.stderr.split())}")
    return done.stdout


@contextmanager
def shell(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a shell that does what it is written; what it started ends with it."""
    process = subprocess.Popen(
        ["bash"],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(BrokenPipeError):
            process.communicate()


def run_page(found: list[Block], folder: Path, say: Say = lambda line: None) -> None:
    """Run blocks in one shell; raise Failure where one does something else than it shows."""
    with shell(folder) as process:
        for block in found:
            for command in block.commands:
                say(f"$ {command.text}\n")
                if block.until:
                    with shell(folder) as server:
                        read(server, command.text, block.until, SECONDS[block.kind], say)
                else:
                    check(block, command, process, say)


def check(block: Block, command: Command, process: subprocess.Popen[str], say: Say) -> None:
    # Without input of its own a command would read the next ones.
    text = f"{{ {command.text}\n}} </dev/null\nprintf '\\n{END} %s\\n' $?"
    *lines, end = read(process, text, END, SECONDS[block.kind], say)
    printed, code = tidy("".join(lines)), int(end.split()[1])
    problem = ""
    if bool(code) != (block.fails and command is block.commands[-1]):
        problem = f"ended with {code}"
    elif command.shown and not matches(command.shown, printed):
        problem = f"is shown as\n{command.shown}"
    if problem:
        raise Failure(f"{block}: $ {command.text}\n{problem}\nand printed\n{printed}")


def read(
    process: subprocess.Popen[str], text: str, until: str, seconds: int, say: Say
) -> list[str]:
    """Let a shell do something, and return its lines up to the one that is waited for."""
    assert process.stdin and process.stdout
    timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGTERM))
    timer.start()
    lines = list[str]()
    try:
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
        for line in process.stdout:
            lines.append(line)
            if until in line:
                return lines
            say(line)
    finally:
        timer.cancel()
    raise Failure(f"{text}\nended the shell, or took over {seconds} s:\n{''.join(lines)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/run-docs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kind", choices=KINDS[:-1], default="fast", help="which (%(default)s)")
    parser.add_argument("pages", nargs="*", type=Path, help="README.md docs/deploy.md …; else all")
    words = parser.parse_args()

    def act() -> None:
        if missing := [page for page in words.pages if not page.is_file()]:
            raise Failure(f"there is no page {missing[0]}")
        copy_to(COPY)
        for page in [page.resolve() for page in words.pages] or pages():
            if found := [block for block in blocks(page) if block.kind == words.kind]:
                print(f"== {page.relative_to(ROOT)}")
                run_page(found, COPY, lambda line: print(f"   {line}", end=""))

    run("run-docs", act)


if __name__ == "__main__":
    main()
