"""The error that a rehearsal reports to its user, and the exit code of one that is interrupted."""

INTERRUPTED = 130  # a shell's exit code for a program that Ctrl-C ended


class Failure(Exception):
    """A failure, described in one line: what is wrong, and what to do."""
