"""The page of releases, up to its look in a browser."""
