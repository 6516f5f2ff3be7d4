"""Tests of the AWS client, the infrastructure and the secrets."""
