"""Tests of the page of releases, some of them in a browser."""
