"""Tests of the commands that deploy and roll back."""
