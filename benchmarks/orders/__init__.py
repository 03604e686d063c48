"""The benchmarks of the order service."""
