"""The error that a rehearsal reports to a person."""


class Failure(Exception):
    """Says in one line what is wrong, and what to do."""
