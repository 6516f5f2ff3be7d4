"""The flag of the statistics."""
