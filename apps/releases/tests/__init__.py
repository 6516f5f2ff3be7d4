"""Tests of the record of releases."""
