"""AWS: its command line, the infrastructure, its secrets."""
