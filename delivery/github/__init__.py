"""GitHub: the client, and the settings of a repository."""
