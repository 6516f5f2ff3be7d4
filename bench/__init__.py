"""What the service costs, against others in the same run: `make bench`, docs/benchmarks.md."""
