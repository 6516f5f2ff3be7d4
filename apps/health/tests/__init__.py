"""Tests of liveness and readiness."""
