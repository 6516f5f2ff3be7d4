"""Check of the configuration in GitHub, AWS and the local machine."""
