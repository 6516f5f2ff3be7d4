"""Sources of the actions that the workflows use: GitHub, a folder of clones, or stand-ins."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from rehearsal.errors import Failure
from rehearsal.paths import OUT, REPOSITORY, ROOT

VARIABLE = "REHEARSAL_ACTIONS"
STAND_INS = ROOT / "rehearsal" / "actions"
USES = re.compile(r"uses: ([\w.-]+/[\w./-]+@[0-9a-f]{40})\b")
SOURCE_MAPS = ".map"


def used() -> list[str]:
    """Return each action that the workflows name, as owner/name@commit."""
    files = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
    return sorted({found for file in files for found in USES.findall(file.read_text())})


def is_online() -> bool:
    try:
        urllib.request.urlopen("https://github.com", timeout=5).close()
    except OSError:
        return False
    return True


def find() -> tuple[Mapping[str, Path], str]:
    """Return the folder of each action, and a note on stand-ins.

    act downloads an action that has no folder.
    """
    if clones := os.environ.get(VARIABLE):
        return from_clones(Path(clones)), ""
    if is_online():
        return {}, ""
    return (
        {action: stand_in(action) for action in used()},
        "GitHub cannot be reached: stand-ins replace the actions (rehearsal/actions)."
        f" To run the real actions, set {VARIABLE} to a folder with clones of them.",
    )


def stand_in(action: str) -> Path:
    name = action.partition("@")[0]
    folder = STAND_INS / name.replace("/", "__")
    if not folder.is_dir():
        raise Failure(f"{name} has no stand-in: add rehearsal/actions/{folder.name}/action.yml")
    return folder


def from_clones(clones: Path) -> dict[str, Path]:
    """Return the folders of the actions, and of those that they use themselves."""
    found: dict[str, Path] = {}
    wanted = used()
    while wanted:
        action = wanted.pop()
        found[action] = folder = from_clone(clones, action)
        for file in folder.glob("action.y*ml"):
            wanted += set(USES.findall(file.read_text())) - found.keys()
    return found


def from_clone(clones: Path, action: str) -> Path:
    """Return a folder with an action's files at its commit, from the clone CLONES/owner/name."""
    name, _, commit = action.partition("@")
    target = OUT / "actions" / f"{name.replace('/', '__')}@{commit}"
    if target.is_dir():
        return target
    clone = clones / name
    if not clone.is_dir():
        raise Failure(f"{VARIABLE}: no clone {clone}: git clone https://github.com/{name} {clone}")
    temporary = target.with_suffix(".part")
    shutil.rmtree(temporary, ignore_errors=True)
    for line in git(clone, action, "ls-tree", "-r", commit).decode().splitlines():
        meta, path = line.split("\t")
        mode, kind, blob = meta.split()
        if kind != "blob" or mode == "120000":
            continue
        write(temporary / path, clone, action, blob, executable=mode == "100755")
    temporary.rename(target)
    return target


def write(path: Path, clone: Path, action: str, blob: str, *, executable: bool) -> None:
    """Write one file of an action; a clone may lack source maps, which nothing reads."""
    try:
        content = git(clone, action, "cat-file", "blob", blob)
    except Failure:
        if path.suffix == SOURCE_MAPS:
            return
        raise
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if executable else 0o644)


def git(clone: Path, action: str, *words: str) -> bytes:
    # Safe for a folder that somebody else owns, such as a mount.
    command = ["git", "-c", "safe.directory=*", "-C", str(clone), *words]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise Failure(f"{VARIABLE}: {clone} does not have all of {action}: {said}")
    return done.stdout
