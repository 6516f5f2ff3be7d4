"""A rehearsal's timeline as one HTML file, which needs no network, no script and no server."""

from .page import write

__all__ = ["write"]
