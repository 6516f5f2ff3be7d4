"""Tests of what plays AWS."""
