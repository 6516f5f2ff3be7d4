"""Tests of the rehearsal: what it draws, what it runs, what it refuses."""
