"""Tests of the commands that release a version."""
