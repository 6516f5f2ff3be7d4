"""One module for each place the service runs in; staging runs production's."""
