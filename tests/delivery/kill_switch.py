"""The end of the world, at a moment of one's choice."""

from collections.abc import Callable


class Killed(Exception):
    """The power went out."""


class Clock:
    """Ends the world at one of its ticks."""

    def __init__(self) -> None:
        self.ticks = 0
        self.end = 0

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == self.end:
            raise Killed


def until_it_ends(clock: Clock, end: int, act: Callable[[], object]) -> bool:
    """Run it, killed at one moment, and then again to its end; whether it came to be killed."""
    clock.end = clock.ticks + end
    try:
        act()
    except Killed:
        act()
        return True
    return False
