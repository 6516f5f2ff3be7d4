"""Settings modules, one for each place where the service runs; staging uses production's."""
