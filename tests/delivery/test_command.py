"""The end of a command: its exit code, and one line for each error."""

import signal
from collections.abc import Iterator

import pytest

from delivery.command import run
from delivery.errors import Failure


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Keep the handlers of signals as they are in the tests."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Failure("there is no service"), "scripts/x: there is no service"),
        (
            KeyboardInterrupt(),
            "\nscripts/x: interrupted; AWS completes the operations that it has started",
        ),
        (KeyboardInterrupt("the task was stopped"), "\nscripts/x: the task was stopped"),
        (SystemExit(75), 75),
    ],
)
def test_an_error_ends_a_command_with_one_line(error: BaseException, says: object) -> None:
    def act() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run("scripts/x", act)
    assert ended.value.code == says


@pytest.mark.parametrize(("code", "ends"), [(0, False), (None, False), (75, True)])
def test_a_command_exits_with_the_code_of_its_action(code: int | None, ends: bool) -> None:
    if not ends:
        run("scripts/x", lambda: code)
        return
    with pytest.raises(SystemExit) as ended:
        run("scripts/x", lambda: code)
    assert ended.value.code == code
