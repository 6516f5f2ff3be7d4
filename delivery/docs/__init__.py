"""The pages of the documentation: run their commands, and build the site."""
