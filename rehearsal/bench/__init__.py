"""The pipeline here, and the guide's own, measured in one run."""
