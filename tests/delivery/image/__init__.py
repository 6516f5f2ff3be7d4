"""Tests of the image and its health check."""
