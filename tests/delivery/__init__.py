"""Tests of delivery/, in its shape, and of the image, infra/, scripts/ and template/."""
