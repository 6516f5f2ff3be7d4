"""Library behind the commands in scripts/."""
