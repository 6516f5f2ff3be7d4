"""Tests of settings, logs and start-up."""
