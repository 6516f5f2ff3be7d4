"""Tests of the checks that the workflows run."""
