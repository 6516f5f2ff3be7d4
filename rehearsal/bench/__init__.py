"""A benchmark of our pipeline against the guide's, in one run."""
