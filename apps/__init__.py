"""The apps of this project, each named after a noun."""
