"""Fixtures of the tests of the rehearsal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from rehearsal import ports

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(autouse=True)
def usual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ports of a machine on which they are free, whatever this one has."""
    monkeypatch.setattr(ports, "current", ports.Ports)
    monkeypatch.setattr(ports, "tests_prefix", str)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Imported only where it is used, because the import is slow.
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if not executable:
        pytest.skip(f"no browser on this machine: looked for {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
