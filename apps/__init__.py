"""The apps of this project, each named after its noun."""
