"""The error that a rehearsal reports to its user."""


class Failure(Exception):
    """A failure, described in one line: what is wrong, and what to do."""
