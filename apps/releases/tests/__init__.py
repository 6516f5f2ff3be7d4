"""Releases, from the table to the page in a browser."""
