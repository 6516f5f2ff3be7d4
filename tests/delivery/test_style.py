"""The style of docstrings and names, in all Python files of the repository."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.delivery.git_repository import ROOT, run

QUESTIONS = {"What", "Whether", "How", "Where", "Who", "Whom", "Whose", "Why", "Which", "When"}
Node = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def files(*patterns: str) -> Iterator[Path]:
    names = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns)
    yield from filter(Path.exists, (ROOT / name for name in names.stdout.splitlines()))


def test_no_docstring_begins_as_a_question() -> None:
    found = []
    for path in files("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.get_docstring(node) if isinstance(node, Node) else None
            if text and text.split()[0] in QUESTIONS:
                found.append(f"{path.relative_to(ROOT)}: {text.splitlines()[0]}")
    assert found == []


def test_no_two_classes_of_a_package_have_the_same_name() -> None:
    for package in ("apps", "myproject", "delivery", "template", "rehearsal", "bench"):
        places: dict[str, set[Path]] = defaultdict(set)
        for path in files(f"{package}/*.py"):
            # Django looks for a Command and a Migration in each module of these folders.
            if not {"tests", "migrations", "commands"} & {*path.parts}:
                for node in ast.parse(path.read_text()).body:
                    if isinstance(node, ast.ClassDef):
                        places[node.name].add(path.relative_to(ROOT))
        assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_module_has_the_name_of_a_folder_beside_it() -> None:
    assert [path for path in files("*.py") if path.with_suffix("").is_dir()] == []
