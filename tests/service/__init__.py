"""Tests of the service as a whole: started, broken, and killed while it migrates."""
