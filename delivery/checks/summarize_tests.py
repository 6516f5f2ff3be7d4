"""Summarize the checks and the coverage of a job in Markdown: printed, and on the run's page.

Reads $STEPS, the steps of the job that have an id (without it, as by hand, the tests alone),
tests.xml and coverage.xml from `make test`, and the threshold in pyproject.toml.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from delivery.command import run
from delivery.errors import Failure
from delivery.workflow import summary

OUTCOMES = {"success": "passed", "failure": "**FAILED**", "skipped": "did not run"}
# pytest's XML file of each step that runs tests.
REPORTS = {
    "tests": "tests.xml",
    "delivery-tests": "tests.xml",
    "rehearsal-tests": "rehearsal.xml",  # only with: rehearsal
}
BRANCHES = re.compile(r"\((\d+)/(\d+)\)")
SHOWN = 20  # of 400 failures, the first 20 are enough


class Coverage(NamedTuple):
    """The lines and branches of a file, or of all files, that were executed."""

    name: str
    reached: int
    all: int
    missed: str = ""

    @property
    def percent(self) -> float:
        return 100 * self.reached / self.all if self.all else 100.0

    def __str__(self) -> str:
        # Rounded down: 99.96 % is not 100 %.
        return f"{math.floor(self.percent * 10) / 10:g} %"


def read(path: Path) -> ElementTree.Element | None:
    """Return pytest's XML file, or None if there is none."""
    try:
        return ElementTree.parse(path).getroot()  # noqa: S314 our own pytest wrote it
    except FileNotFoundError:
        return None
    except ElementTree.ParseError as error:
        raise Failure(f"{path.name} is no XML: {error}") from error


def table(*rows: tuple[str, ...]) -> str:
    head, *body = (
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
    )
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def gates(steps: dict[str, dict[str, str]]) -> str:
    rows = (
        (name.replace("-", " "), OUTCOMES.get(step["outcome"], step["outcome"]))
        for name, step in steps.items()
        if not name.isdecimal()  # act numbers the steps that have no id; GitHub leaves them out
    )
    return table(("gate", "outcome"), *rows)


def first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0][:200]


def tests(report: ElementTree.Element) -> Iterator[str]:
    """Yield the servers, the number of tests, and the reasons of skips and failures."""
    suite = report if report.tag == "testsuite" else report[0]
    versions = (f"{p.get('name')} {p.get('value')}" for p in suite.iterfind("properties/property"))
    if on := ", ".join(versions):
        yield f"On {on}."
    count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    wrong = count["failures"] + count["errors"]
    passed = count["tests"] - wrong - count["skipped"]
    seconds = float(suite.get("time", 0))
    yield f"{passed} tests passed, {wrong} failed, {count['skipped']} skipped in {seconds:.0f} s."
    reasons = Counter(first_line(skip.get("message")) for skip in suite.iter("skipped"))
    if reasons:
        rows = ((reason, str(times)) for reason, times in reasons.most_common())
        yield table(("skipped because", "tests"), *rows)
    failed = [
        (f"`{case.get('classname')}.{case.get('name')}`", first_line(problem.get("message")))
        for case in suite.iter("testcase")
        for problem in [*case.iterfind("failure"), *case.iterfind("error")]
    ]
    if failed:
        yield table(("failed", "with"), *failed[:SHOWN])
        if len(failed) > SHOWN:
            yield f"And {len(failed) - SHOWN} more: see the log."


def by_file(report: ElementTree.Element) -> Iterator[Coverage]:
    for file in report.iter("class"):
        reached = total = 0
        missed = []
        for line in file.iterfind("lines/line"):
            hit = line.get("hits") != "0"
            branches = BRANCHES.search(line.get("condition-coverage", ""))
            taken, of = map(int, branches.groups()) if branches else (0, 0)
            reached += hit + taken
            total += 1 + of
            if not hit or taken < of:
                missed.append(line.get("number", ""))
        yield Coverage(file.get("filename", ""), reached, total, ", ".join(missed))


def coverage(report: ElementTree.Element, threshold: float) -> Iterator[str]:
    """Yield the total with its threshold, and the files below the threshold."""
    files = list(by_file(report))
    total = Coverage("", sum(file.reached for file in files), sum(file.all for file in files))
    verdict = "passed" if total.percent >= threshold else "**FAILED**"
    yield f"Coverage of lines and branches: {total}; the gate requires {threshold:g} %: {verdict}."
    if low := [file for file in files if file.percent < threshold]:
        rows = ((f"`{file.name}`", str(file), file.missed) for file in low)
        yield table(("below the gate", "covered", "lines not fully covered"), *rows)


def summarize(folder: Path, steps: dict[str, dict[str, str]]) -> str:
    """Return the page: the checks, and the results of those that are tests."""
    ran = {name for name, step in steps.items() if step["outcome"] in ("success", "failure")}
    parts = [gates(steps)] if steps else []
    for step in [step for step in REPORTS if step in ran] if steps else ["tests"]:
        name = REPORTS[step]
        parts.append(f"### {step.replace('-', ' ').capitalize()}")
        if (report := read(folder / name)) is None:
            parts.append(f"No {name}: the tests did not finish.")
        else:
            parts += tests(report)
    if not steps or "tests" in ran:
        if (report := read(folder / "coverage.xml")) is None:
            parts.append("No coverage.xml: coverage was not measured.")
        else:
            settings = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["coverage"]
            parts += coverage(report, settings["report"]["fail_under"])
    return "\n\n".join(parts)


def show() -> None:
    try:
        steps = json.loads(os.environ.get("STEPS") or "{}")
    except json.JSONDecodeError as error:
        raise Failure(f"STEPS is not the output of toJson(steps): {error}") from error
    text = summarize(Path(), steps)
    print(text)
    summary(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/summarize-tests", usage="%(prog)s      (after make test)", description=__doc__
    )
    parser.parse_args()
    run("scripts/summarize-tests", show)


if __name__ == "__main__":
    main()
