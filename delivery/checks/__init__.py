"""Checks of the pipeline other than tests."""
