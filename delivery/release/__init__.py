"""Releases: the changelog, the version, the tag, and what each must be."""
