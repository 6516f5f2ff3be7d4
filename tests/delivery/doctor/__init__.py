"""Tests of scripts/doctor."""
