"""Migrations of the users table."""
