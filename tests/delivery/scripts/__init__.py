"""Tests of the commands as a person runs them."""
