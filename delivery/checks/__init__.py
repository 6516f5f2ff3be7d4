"""Checks of the pipeline that are no tests."""
