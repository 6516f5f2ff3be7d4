"""The pinned requirements, as an older pip reads them."""

from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def pinned(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text().splitlines()
    return [Requirement(line.rstrip("\\")) for line in lines if line[:1].isalnum()]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-ci.txt"])
def test_an_extra_that_a_package_asks_for_is_pinned_with_it(file: str) -> None:
    # Before 23.3 pip looks for the newest `coverage[toml]` although `coverage` is pinned, and then
    # misses its hash: an installation that worked fails on the day of a new release.
    pins = pinned(file)
    extras = {canonicalize_name(pin.name): pin.extras for pin in pins}
    installed = [pin for pin in pins if not pin.marker or pin.marker.evaluate()]
    for asking in installed:
        for line in distribution(asking.name).requires or ():
            wanted = Requirement(line)
            chosen = [{"extra": extra} for extra in asking.extras] or [{"extra": ""}]
            if not wanted.marker or any(map(wanted.marker.evaluate, chosen)):
                assert wanted.extras <= extras[canonicalize_name(wanted.name)], (asking.name, line)
