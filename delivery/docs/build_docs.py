"""Build the site of the documentation into .out/site.

README.md becomes its first page, and what a page links to outside of docs/ comes along. The sample
of a report is the one of the last rehearsal here, if it went all the way, or else a made-up one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from delivery.command import run
from delivery.docs.pages import pages
from delivery.errors import Failure
from delivery.paths import ROOT
from rehearsal.places import REPORT, TIMELINE
from rehearsal.report import write as write_report
from rehearsal.tests import sample

DOCS = ROOT / "docs"
PAGES = ROOT / ".out" / "docs"
SITE = ROOT / ".out" / "site"
LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)")


def place_of(file: Path) -> Path:
    """Return where a file of the repository stands among the pages."""
    if file.is_relative_to(DOCS):
        return PAGES / file.relative_to(DOCS)
    if file == ROOT / "README.md":
        return PAGES / "index.md"
    if file.suffix == ".md":
        return PAGES / file.name.lower()
    return PAGES / "files" / f"{file.name.lstrip('.')}.txt"


def copy_page(page: Path) -> None:
    """Copy a page, and what it links to outside of docs/."""
    target = place_of(page)

    def link(found: re.Match[str]) -> str:
        file = Path(os.path.normpath(page.parent / found[2]))
        if not file.is_file():
            raise Failure(f"{page.relative_to(ROOT)} links to {found[2]}, which is not there")
        place = place_of(file)
        if not file.is_relative_to(DOCS) and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
            if file.suffix == ".md":
                copy_page(file)
        return found[1] + os.path.relpath(place, target.parent)

    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(LINK.sub(link, page.read_text()))


def copy_report() -> None:
    """Put a report among the pages."""
    if REPORT.exists() and TIMELINE.exists():
        last = json.loads(TIMELINE.read_text())
        names = [stage["name"] for stage in last["stages"]]
        if last["outcome"] == "success" and {"test.yml", "deploy-prod.yml"} <= set(names):
            shutil.copy(REPORT, PAGES / "report.html")
            return
    write_report(sample.passed(), PAGES / "report.html")


def build() -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(DOCS, PAGES)
    for page in pages():
        copy_page(page)
    copy_report()
    # Material warns of what MkDocs is to become; what is built here is pinned.
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    if subprocess.run(command, cwd=ROOT, env=quiet).returncode:
        raise Failure("the site was not built: see above")
    print(f"{SITE.relative_to(ROOT)}/index.html")
    print(f"with search: python3 -m http.server --directory {SITE.relative_to(ROOT)}")


def main() -> None:
    argparse.ArgumentParser("python -m delivery.docs.build_docs", description=__doc__).parse_args()
    run("build_docs.py", build)


if __name__ == "__main__":
    main()
