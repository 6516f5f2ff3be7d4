"""GitHub's description of its API, once for all tests that speak to the fake one."""

from typing import Any

import pytest

from tests.delivery.github_api import Api, Unreachable, document


@pytest.fixture(scope="session")
def github_document(pytestconfig: pytest.Config) -> Any:
    """The description, or why there is none."""
    assert pytestconfig.cache
    try:
        return document(pytestconfig.cache.mkdir("github-api"))
    except Unreachable as reason:
        return str(reason)


@pytest.fixture(scope="session")
def api(github_document: Any) -> Api | None:
    """What every call to the fake GitHub is held against, where it can be had."""
    return None if isinstance(github_document, str) else Api(github_document)
