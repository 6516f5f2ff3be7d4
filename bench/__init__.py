"""A benchmark of the service against others in the same run: `make bench`, docs/benchmarks.md."""
