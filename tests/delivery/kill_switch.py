"""Kill a command at a chosen moment, to see whether a second run finishes its work."""

from collections.abc import Callable


class Killed(Exception):
    """The command was killed."""


class KillSwitch:
    """Raise Killed at the chosen one of its ticks; fakes tick before and after each change."""

    def __init__(self) -> None:
        self.ticks = 0
        self.end = 0

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == self.end:
            raise Killed


def run_killed(switch: KillSwitch, end: int, act: Callable[[], object]) -> bool:
    """Run an action, which is killed at a tick, and run it again; return whether it was killed."""
    switch.end = switch.ticks + end
    try:
        act()
    except Killed:
        act()
        return True
    return False
