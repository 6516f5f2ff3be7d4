"""The imports of the rehearsal's modules."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from rehearsal.paths import ROOT

FOLDER = ROOT / "rehearsal"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in FOLDER.rglob("*.py")
    if path.name != "__init__.py"
}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, also only for types."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_modules_import_each_other_in_one_direction() -> None:
    graph = {name: MODULES.keys() & {*imports(path)} for name, path in MODULES.items()}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert "rehearsal.drills.context" in order
