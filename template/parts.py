"""Leave parts of the template out of a project: their files, and the lines that are marked.

A mark is a comment. At the end of a line, `only with: NAME` marks that line. Alone on its line it
begins a marked block, which ends with the comment `until here: NAME`. Within a line of Markdown,
`<!-- with: NAME -->one text<!-- else: another -->` has a text for either case. In a project that
keeps a part, only the marks themselves are removed. In pinned requirements, uv's comments that
name a file of a part that is left out are removed, too.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from delivery.errors import Failure
from delivery.git import git

# The files and folders of each part.
PARTS: Mapping[str, tuple[str, ...]] = {
    # The tools that make a project and the benchmark: no project keeps them.
    "template": (
        ".ci",
        "bench",
        "docs/benchmarks.md",
        "docs/images/page.png",
        "template/parts.py",
        "scripts/rename",
        "template/rename.py",
        "scripts/try-fork",
        # A fork that builds on its users keeps the model.
        "tests/delivery/checks/test_user_model.py",
        "tests/delivery/template/test_fork.py",
        "tests/delivery/template/test_parts.py",
    ),
    # The example page, and the lessons that change it.
    "releases": ("apps/dashboard", "rehearsal/docs/tutorial"),
    # The simulation of AWS and GitHub on one machine, with its tests, pages and drills.
    "rehearsal": ("rehearsal", "tests/delivery/test_border.py"),
}
# Comments of Python, shell, YAML and Makefiles; of JSON; of Markdown and HTML; of Django.
MARK = re.compile(
    r"[ \t]*(?:#|//|<!--|\{#)[ \t]*(only with|until here): (\w+)[ \t]*(?:-->|#\})?[ \t]*(\|?)$"
)
EITHER = re.compile(r"<!-- with: (\w+) -->(.*?)<!-- else: ?(.*?) ?-->")
AGREES = re.compile(r" +# +-c (\w+)/")


def leave_out(root: Path, parts: set[str]) -> None:
    """Remove parts from a checkout of the template, and the marks of the parts that stay.

    Raise Failure where a file of a part is missing, or a mark is wrong.
    """
    paths = [root / path for part in sorted(parts) for path in PARTS[part]]
    if gone := [str(path.relative_to(root)) for path in paths if not path.exists()]:
        raise Failure(f"{gone[0]} does not exist: correct PARTS in template/parts.py")
    for file in paths:
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)  # it may have been in a folder of another part
    for path in git("ls-files", folder=root).splitlines():
        file = root / path
        if not file.is_file() or not re.search(rb"with: |# +-c ", content := file.read_bytes()):
            continue
        lines = content.decode().splitlines(keepends=True)
        file.write_text("".join(without(lines, parts, path)))


def without(lines: list[str], parts: set[str], path: str) -> Iterator[str]:
    """Yield the lines that stay; raise Failure if a mark is wrong."""
    inside: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\n")
        mark = MARK.search(text)
        if mark and mark[2] not in PARTS:
            raise Failure(f"{path}:{number}: {mark[2]!r} is not one of {', '.join(PARTS)}")
        if mark and mark[1] == "until here":
            if inside[-1:] != [mark[2]]:
                raise Failure(f"{path}:{number}: no block of {mark[2]} begins before this line")
            inside.pop()
        elif mark and not text[: mark.start()].strip():
            inside.append(mark[2])
        elif (agrees := AGREES.match(text)) and agrees[1] in parts:
            continue
        elif not parts.intersection(inside) and not (mark and mark[2] in parts):
            kept = (
                text[: mark.start()] + (f" {mark[3]}" if mark[3] else "") + "\n" if mark else line
            )
            yield EITHER.sub(lambda found: found[3] if found[1] in parts else found[2], kept)
    if inside:
        raise Failure(f"{path}: the block of {inside[-1]} does not end")
