"""Tests of users and of how they sign in."""
