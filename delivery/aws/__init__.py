"""AWS: the client, the infrastructure and its secrets."""
