"""Releases: the changelog, the version and the tag, with their checks."""
