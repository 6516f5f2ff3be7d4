"""Names that are valid in Python, AWS and Docker."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys

from delivery.errors import Failure

FORM = "lower-case letters and digits, in words joined by one underscore, such as shop or my_shop"


def check(name: str, longest: int) -> None:
    """Raise Failure if a name is invalid as a package, or with hyphens in AWS."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise Failure(f"{name!r} is not a valid name: use {FORM}")
    if not 2 <= len(name) <= longest:
        raise Failure(f"{name!r} is not a valid name: use 2 to {longest} characters")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise Failure(f"{name!r} is a keyword of Python: use another name")
    if name in sys.stdlib_module_names or importlib.util.find_spec(name):
        raise Failure(
            f"{name!r} is already a module of Python, a package or this project: use another name"
        )
