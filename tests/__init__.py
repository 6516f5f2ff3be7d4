"""Tests of the service as a whole: started, broken, packaged."""
