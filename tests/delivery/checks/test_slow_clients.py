"""scripts/slow-clients: the problems that it finds in its measurements."""

import pytest

from delivery.checks.slow_clients import KINDS, LIVENESS, Honest, Result, Slow
from tests.delivery.in_process import run_here

FAST = [0.01] * 99


def result(
    slow: float = 20,
    liveness: float = 0.5,
    page: float = 0.5,
    answer: str = "",
    upload: str = "200",
) -> Result:
    """Return what was measured, where each figure is that of one request or connection in many."""
    checks, pages = Honest(LIVENESS, [*FAST, liveness]), Honest("/health/", [*FAST, *[page] * 6])
    pages.failures += [answer] * bool(answer)
    return Result([Slow(kind, 1, slow) for kind in KINDS], [checks, pages], upload)


@pytest.mark.parametrize(
    ("measured", "problem"),
    [
        (result(slow=31), "silent: 31.0 s, but the limit is 30 s"),
        (result(liveness=1.5), "/health/live/: 1.50 s, but the limit is 1 s"),
        (result(page=1.5), "/health/: p95 is 1.50 s, but the limit is 1 s"),
        (result(answer="answered with 503"), "/health/: answered with 503"),
        (result(upload="408 s"), "the upload: 408 s"),
        (result(upload="500"), "the upload: 500"),
    ],
)
def test_a_figure_beyond_its_limit_is_reported(measured: Result, problem: str) -> None:
    assert measured.problems(bound=30)[0] == problem


def test_figures_within_their_limits_are_no_problem() -> None:
    assert result(upload="403").problems(bound=30) == []


def test_the_figures_of_each_kind_are_printed() -> None:
    printed = "\n".join(result().lines())
    assert all(kind.name in printed for kind in KINDS)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["127.0.0.1:8000"], "not a URL: http:// or https://"),
        (["https://127.0.0.1"], "the URL must begin with http://"),
        (["http://127.0.0.1", "--connections=4"], "--connections must be at least 5"),
    ],
)
def test_an_invalid_argument_is_refused(words: list[str], problem: str) -> None:
    done = run_here("scripts/slow-clients", *words)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert problem in done.stderr
