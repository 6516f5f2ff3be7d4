"""The error that a command reports to its user."""


class Failure(Exception):
    """A failure, described in one line: what is wrong, and what to do."""
