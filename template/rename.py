"""Make this template a project of its own, by renaming it in all files and paths.

NAME becomes the name of the Python package. With hyphens for underscores, it becomes the name of
the image, the container and everything in AWS. The rows of docs/guide.md are renamed, too. The
changelog begins anew. MySQL's user and database keep the name app. LICENSE stays: put yours there.
Files that only the template needs are removed, this script included.

All changes are made in a copy first; then the working tree gets them at once, staged for a commit.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from delivery.checkout import check_clean, checkout
from delivery.command import run
from delivery.errors import Failure
from delivery.git import git
from delivery.paths import ROOT
from template import names, parts

# A load balancer's name has at most 32 characters, and "-production" are 11 of them.
LONGEST = 21
ICON = "myproject/static/favicon.svg"
RECORD = """
[tool.template]
# scripts/update-from-template reads the tree of the template that this project was made of.
name = "{name}"
without = {without}
tree = "{tree}"
"""


def spellings(name: str) -> dict[str, str]:
    hyphened = name.replace("_", "-")
    return {"myproject": name, "myapp": hyphened, "MyApp": hyphened.title()}


def rename(root: Path, name: str) -> None:
    """Rename the package in every tracked file and path of a folder."""
    found = spellings(name)
    pattern = re.compile("|".join(found))

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: found[match[0]], text)

    for path in git("ls-files", folder=root).splitlines():
        file, target = root / path, root / renamed(path)
        content = file.read_bytes()
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
        if b"\0" not in content:  # git tells binary files from text in the same way
            target.write_bytes(renamed(content.decode()).encode())


def begin_changelog(root: Path) -> None:
    """Replace the template's changelog with a new one."""
    changelog = root / "CHANGELOG.md"
    head, unreleased, _ = changelog.read_text().partition("## [Unreleased]\n")
    changelog.write_text(f"{head}{unreleased}\n### Added\n\n- myproject, made from its template.\n")


def draw_initial(root: Path, name: str) -> None:
    """Put the first letter of the name on the icon."""
    icon = root / ICON
    icon.write_text(re.sub(r">\w</text>", f">{name[0]}</text>", icon.read_text()))


def put_in_form(root: Path) -> None:
    """Sort imports, drop unused ones, and break lines where the new names' lengths need it.

    ruff formats the files in a moment. black, whose format counts, then takes only those that this
    changed: it needs seconds for all.
    """
    changed = python_files(root, "--cached", "HEAD")
    tool(root, "ruff", ["check", "--fix", "--exit-zero", *changed])
    git("add", "--all", folder=root)
    tool(root, "ruff", ["format", *changed])
    # A long name may leave lines that are too long.
    tool(root, "ruff", ["check", "--add-noqa", "--select=E501", *changed])
    if formatted := python_files(root):
        tool(root, "black", formatted)
    tool(root, "ruff", ["check", *changed])


def python_files(root: Path, *words: str) -> list[str]:
    """Return the Python files that differ from the index, or as given to git diff."""
    names = git("diff", "--name-only", "--diff-filter=d", *words, "--", "*.py", folder=root)
    return names.splitlines()


def tool(root: Path, name: str, words: list[str]) -> None:
    command = [str(Path(sys.executable).with_name(name)), *words, "--quiet"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{name} {words[0]}: {done.stdout}{done.stderr}".strip())


def make(name: str, without: Sequence[str]) -> str:
    """Return the tree of the project that is made of this template."""
    tree = git("rev-parse", "HEAD^{tree}")
    with checkout("HEAD") as copy:
        print("Leaving out what only the template needs ...", flush=True)
        parts.leave_out(copy, {"template", *without})
        begin_changelog(copy)
        draw_initial(copy, name)
        git("add", "--all", folder=copy)
        print("Renaming files and their contents ...", flush=True)
        rename(copy, name)
        record = RECORD.format(name=name, without=json.dumps(sorted(without)), tree=tree)
        with (copy / "pyproject.toml").open("a") as project:
            project.write(record)
        git("add", "--all", folder=copy)
        print("Formatting the code ...", flush=True)
        put_in_form(copy)
        git("add", "--all", folder=copy)
        return git("write-tree", folder=copy)


def install_tools() -> None:
    """Install ruff and black where they are missing, and begin again with them."""
    if Path(sys.executable).with_name("black").exists():
        return
    if subprocess.run([ROOT / "scripts" / "bootstrap", "test"]).returncode:
        raise Failure("the packages that a rename needs could not be installed: see above")
    python = str(ROOT / ".venv" / "bin" / "python")
    os.execv(python, [python, "-m", "template.rename", *sys.argv[1:]])  # noqa: S606  # no shell


def act(name: str, without: Sequence[str]) -> None:
    names.check(name, LONGEST)
    if name.partition("_")[0] == "internal":
        raise Failure(f"{name!r} is not a valid name: AWS reserves internal- for itself")
    check_clean()
    install_tools()
    tree = make(name, without)
    git("read-tree", "-m", "-u", "HEAD", tree)
    # Python's compiled files would keep the folders of the old package in place.
    git("clean", "-dfqX", "--", "myproject", "apps")
    changed = git("diff", "--cached", "--shortstat", "HEAD")
    print(f"The package is {name}, and its name in AWS is {spellings(name)['myapp']}: {changed}")
    print(f"Next: make check, and git commit --message 'chore: {name}, from the template'")
    print("To undo all of it: git reset --hard")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/rename",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code 0: renamed; 1: refused, and nothing was changed; 2: wrong usage.",
    )
    parser.add_argument("name", metavar="NAME", help=f"{names.FORM}; 2 to {LONGEST} characters")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=sorted(parts.PARTS.keys() - {"template"}),
        help="releases: leave out the example, which is the page /releases/ with its statistics and"
        " their flag; the record of releases and /releases.json stay, because rollbacks write it."
        " rehearsal: leave out the simulation of AWS and GitHub; repeat --without for both",
    )
    args = parser.parse_args()
    run("scripts/rename", lambda: act(args.name, args.without))


if __name__ == "__main__":
    main()
