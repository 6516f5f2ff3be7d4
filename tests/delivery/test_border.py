"""The template and the rehearsal: neither imports the other, so that either can do without it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.delivery.git_repository import ROOT, run


def imported(path: Path) -> Iterator[str]:
    """Yield the first name of each module that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def files() -> Iterator[Path]:
    names = run(ROOT, "git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py")
    yield from filter(Path.exists, (ROOT / name for name in names.stdout.splitlines()))


def test_template_and_rehearsal_do_not_import_each_other() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"apps", "tests"}
    template = packages - {"rehearsal"}
    seen = []
    for path in files():
        forbidden = template if path.is_relative_to(ROOT / "rehearsal") else {"rehearsal"}
        seen += [
            f"{path.relative_to(ROOT)} imports {name}" for name in forbidden & {*imported(path)}
        ]
    assert "delivery" in template
    assert seen == []
