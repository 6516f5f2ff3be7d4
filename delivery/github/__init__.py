"""GitHub: its command line, a repository's settings."""
