"""What no app tests alone: the service as a whole, and its delivery."""
