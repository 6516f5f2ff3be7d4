"""The page that lists the releases: the template's example, to be replaced by your own."""
