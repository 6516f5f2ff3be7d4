"""The pages of the documentation: run, and made into a site."""
