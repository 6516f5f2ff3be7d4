"""Migrations of the table of releases, from a naive schema to the present one."""
