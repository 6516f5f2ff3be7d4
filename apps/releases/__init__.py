"""The record of releases: the live one and those before it."""
