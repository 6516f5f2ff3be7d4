"""Commands of scripts/, run in this process: starting Python is most of what they cost.

scripts/test_scripts.py makes sure that each script starts the module that is run here.
"""

import importlib
import io
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def module_of(script: str) -> str:
    """Return the module that delivery/start runs for a script; empty if there is none."""
    name = Path(script).name.replace("-", "_")
    if "delivery/start" not in (ROOT / script).read_text():
        return ""
    (file,) = [*ROOT.glob(f"delivery/*/{name}.py"), *ROOT.glob(f"template/{name}.py")]
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def run_here(
    script: str, *words: str, without: Iterable[str] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script's module with these words and variables, and without others.

    `without` has the beginnings of the names of variables that the script must not see.
    """
    main = importlib.import_module(module_of(script)).main
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in [name for name in os.environ if name.startswith(tuple(without))]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", [script, *words])
        patch.setattr(sys, "stdin", io.StringIO())
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
    if isinstance(code, str):  # as Python does
        err.write(f"{code}\n")
        code = 1
    return subprocess.CompletedProcess([script, *words], code or 0, out.getvalue(), err.getvalue())
