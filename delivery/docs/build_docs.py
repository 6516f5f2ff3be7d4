"""Build the site of the documentation into .out/site.

README.md becomes its first page. The folders with pages become one, and what a page links to
outside of them comes along.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from delivery.command import run
from delivery.docs.pages import FOLDERS, pages
from delivery.errors import Failure
from delivery.paths import ROOT

PAGES = ROOT / ".out" / "docs"
SITE = ROOT / ".out" / "site"
LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)")


def place_of(file: Path) -> Path:
    """Return the place of a file of the repository among the pages."""
    for folder in FOLDERS:
        if file.is_relative_to(folder):
            return PAGES / file.relative_to(folder)
    if file == ROOT / "README.md":
        return PAGES / "index.md"
    if file.suffix == ".md":
        return PAGES / file.name.lower()
    return PAGES / "files" / f"{file.name.lstrip('.')}.txt"


def copy_page(page: Path) -> None:
    """Copy a page and the files outside of docs/ to which it links."""
    target = place_of(page)

    def link(found: re.Match[str]) -> str:
        file = Path(os.path.normpath(page.parent / found[2]))
        if not file.is_file():
            raise Failure(f"{page.relative_to(ROOT)} links to {found[2]}, which is not there")
        place = place_of(file)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
            if file.suffix == ".md":
                copy_page(file)
        return found[1] + os.path.relpath(place, target.parent)

    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(LINK.sub(link, page.read_text()))


def build() -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    for folder in FOLDERS:
        shutil.copytree(folder, PAGES, dirs_exist_ok=True)
    for page in pages():
        copy_page(page)
    # only with: rehearsal
    report = [sys.executable, "-m", "rehearsal.report", str(PAGES / "report.html")]
    if subprocess.run(report, cwd=ROOT).returncode:
        raise Failure("the sample of a report was not written: see above")
    # until here: rehearsal
    # Material warns about future versions of MkDocs; the versions here are pinned.
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    if subprocess.run(command, cwd=ROOT, env=quiet).returncode:
        raise Failure("the site was not built: see above")
    print(f"{SITE.relative_to(ROOT)}/index.html")
    print(f"with search: python3 -m http.server --directory {SITE.relative_to(ROOT)}")


def main() -> None:
    argparse.ArgumentParser("python -m delivery.docs.build_docs", description=__doc__).parse_args()
    run("python -m delivery.docs.build_docs", build)


if __name__ == "__main__":
    main()
