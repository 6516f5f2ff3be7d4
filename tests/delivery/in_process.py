"""Commands of scripts/, run in this process: starting Python is most of what they cost.

test_scripts.py makes sure that each script starts the module that is run here.
"""

import importlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = re.compile(r"^exec .*-m (scripts\.\w+) \"\$@\"\n\Z", re.MULTILINE)


def module_of(script: str) -> str:
    """Return the module that a script starts; nothing where it does its work itself."""
    match = MODULE.search((ROOT / script).read_text())
    return match[1] if match else ""


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
