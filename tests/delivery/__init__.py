"""Tests of what brings the service out: scripts, templates and the image."""
