"""Run the commands that the pages show, and compare what they print with what is shown.

delivery/docs/pages.py says how a page shows them. They run in a copy of this clone, without the
service's variables.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from delivery.command import run
from delivery.docs.pages import KINDS, Block, Command, blocks, matches, pages
from delivery.errors import Failure
from delivery.git import git
from delivery.paths import ROOT
from delivery.ports import free_port

COPY = ROOT / ".out" / "pages"
FORK = ROOT / ".out" / "fork"
WHO = ("--config=user.name=run_docs", "--config=user.email=run_docs@localhost")
# A line that only a slow machine prints.
PROGRESS = re.compile(
    r" +(?:"
    r"\d+\.\d  … |"  # only with: rehearsal
    r".*: \d+ s \.\.\.$)"  # delivery/progress
)
SECONDS = {
    "fast": 120,
    "slow": 900,
    "fork": 1800,
    "rehearsal": 3600,  # only with: rehearsal
}
END = "@@ended@@"

Say = Callable[[str], None]


def tidy(printed: str) -> str:
    """Return an output without colours, trailing spaces and progress."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed)
    lines = [line.rstrip() for line in plain.splitlines() if not PROGRESS.match(line)]
    return "\n".join(lines).strip("\n")


def environment() -> dict[str, str]:
    """Return this process's environment without any credentials, and with a free port."""
    ours = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    ours += ["MAKEFLAGS", "MAKELEVEL", "MFLAGS"]  # set by the make that runs this
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("AWS_", "GH_", "GITHUB_"))
    }
    nobody = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    nobody |= {"AWS_EC2_METADATA_DISABLED": "true", "GH_CONFIG_DIR": os.devnull}
    return {**kept, **nobody, "COLUMNS": "100", "PORT": str(free_port())}


def copy_to(folder: Path) -> None:
    """Clone the present state, committed or not, with the packages installed here."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git("clone", "--quiet", *WHO, str(ROOT), str(folder), folder=ROOT)
        (folder / ".git" / "info" / "exclude").write_text(".venv\n")
        (folder / ".venv").symlink_to(Path(sys.prefix))
    git("fetch", "--quiet", str(ROOT), "HEAD", folder=folder)
    git("checkout", "--quiet", "--force", "--detach", "FETCH_HEAD", folder=folder)
    git("clean", "--quiet", "-fd", folder=folder)
    names = git("diff", "--name-only", "-z", "HEAD", folder=ROOT)
    names += git("ls-files", "--others", "--exclude-standard", "-z", folder=ROOT)
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target)
    if names:
        git("add", "--all", folder=folder)
        git("commit", "--quiet", "--message=chore: what is not committed yet", folder=folder)


def fork_to(folder: Path) -> None:
    """Make a project of its own of what is here, as docs/fork.md says, with packages of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    copy_to(folder)
    (folder / ".venv").unlink()
    # only with: template
    command = ["scripts/rename", "my_shop"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    git("commit", "--quiet", "--message=chore: my_shop, from the template", folder=folder)
    # until here: template


@contextmanager
def shell(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a shell that runs the commands written to it; kill what it started after the block."""
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
    """Run blocks in one shell; raise Failure if a command does something else than shown."""
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
    # Without its own input, a command would read the next commands.
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
    """Run a command in a shell, and return its lines up to the awaited one."""
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
    raise Failure(f"{text}\nended the shell, or took more than {seconds} s:\n{''.join(lines)}")


def select(chosen: list[Path], kind: str, folder: Path) -> Iterator[tuple[Path, list[Block]]]:
    """Yield the name of each page, by default of all, that has blocks of a kind, with these."""
    for page in chosen or pages():
        name = page.relative_to(ROOT)
        if kind == "fork":
            page = folder / name  # with the fork's names
        if not page.is_file():
            continue  # a fork has no page about the template
        if found := [block for block in blocks(page) if block.kind == kind]:
            yield name, found


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m delivery.docs.run_docs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kind", choices=KINDS[:-1], default="fast", help="which (%(default)s)")
    parser.add_argument("pages", nargs="*", type=Path, help="README.md docs/deploy.md …; else all")
    args = parser.parse_args()

    def act() -> None:
        if missing := [page for page in args.pages if not page.is_file()]:
            raise Failure(f"there is no page {missing[0]}")
        folder, make = (FORK, fork_to) if args.kind == "fork" else (COPY, copy_to)
        make(folder)
        for name, found in select([page.resolve() for page in args.pages], args.kind, folder):
            print(f"== {name}", flush=True)
            begin = time.monotonic()
            run_page(found, folder, lambda line: print(f"   {line}", end="", flush=True))
            print(f"== {name}: as shown, {time.monotonic() - begin:.0f} s", flush=True)

    run("python -m delivery.docs.run_docs", act)


if __name__ == "__main__":
    main()
