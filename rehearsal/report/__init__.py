"""The report: a rehearsal's timeline as one HTML file without network access and scripts."""

from .page import write

__all__ = ["write"]
