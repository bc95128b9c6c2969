"""Benchmarks: what the gateway costs next to the same work without it. See `bench/README.md`."""
