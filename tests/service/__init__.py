"""Tests of the service as a whole: started, broken, and killed during a migration."""
