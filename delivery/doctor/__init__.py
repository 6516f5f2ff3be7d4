"""What is missing or wrong, and what fixes it."""
