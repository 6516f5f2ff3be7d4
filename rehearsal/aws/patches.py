"""Patches of ministack: our functions replace some of its functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any, TypeVar

from rehearsal.aws import MINISTACK

REQUIREMENTS = "rehearsal/aws/requirements.txt"
F = TypeVar("F", bound=Callable[..., object])


class Refusal(Exception):
    """The local AWS cannot start; the message has the reason and the remedy in one line."""


@dataclass(frozen=True)
class Patch:
    """A replacement of owner.name."""

    owner: ModuleType | type
    name: str
    function: Callable[..., object]


registered: list[Patch] = []
applied: set[Patch] = set()


def replaces(owner: ModuleType | type, name: str) -> Callable[[F], F]:
    """Mark a function as the replacement of owner.name, which becomes its first argument.

    Its docstring says what AWS does, and what ministack does instead.
    """

    def mark(function: F) -> F:
        registered.append(Patch(owner, name, function))
        return function

    return mark


def check_version() -> None:
    """Raise Refusal unless ministack is the version that the patches were written for."""
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        found = "not installed"
    if found != MINISTACK:
        raise Refusal(
            f"ministack is {found}, and rehearsal/aws patches only {MINISTACK}:"
            f" pip install --require-hashes -r {REQUIREMENTS}"
        )


def apply() -> None:
    """Replace every patched function, once."""
    for patch in registered:
        if patch not in applied:
            put(patch)
            applied.add(patch)


def put(patch: Patch) -> None:
    original = getattr(patch.owner, patch.name, None)
    if not callable(original):
        raise Refusal(f"ministack {MINISTACK} has no {patch.owner.__name__}.{patch.name}")
    replacement = bound(patch.function, original)
    setattr(patch.owner, patch.name, replacement)
    # ministack finds its handlers in tables that name the functions themselves.
    for table in tables(patch.owner):
        for key, value in table.items():
            if value is original:
                table[key] = replacement


def bound(function: Callable[..., Any], original: Callable[..., object]) -> Callable[..., object]:
    """Return a function with its first argument bound; a coroutine function stays one."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*words: object, **named: object) -> object:
            return await function(original, *words, **named)

        return later

    @functools.wraps(function)
    def now(*words: object, **named: object) -> object:
        return function(original, *words, **named)

    return now


def tables(owner: ModuleType | type) -> Iterator[MutableMapping[str, object]]:
    """Yield the dictionaries of a module, and those inside them."""
    for value in list(vars(owner).values()):
        if type(value) is dict:
            yield value
            yield from (inner for inner in value.values() if type(inner) is dict)
