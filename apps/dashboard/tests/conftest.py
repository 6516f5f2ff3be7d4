import pytest
from django.core.cache import caches

from apps.releases.tests.conftest import make_releases

__all__ = ["make_releases"]


@pytest.fixture(autouse=True)
def _no_flags_remembered() -> None:
    caches["flags"].clear()
