"""Tests of the commands that configure GitHub."""
