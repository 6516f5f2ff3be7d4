"""Tests of the service as a whole, and of its delivery."""
