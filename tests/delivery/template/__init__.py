"""Tests of template/: what makes a project and what updates it."""
