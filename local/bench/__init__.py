"""Benchmarks: figures of speed, each with a reference measured in the same run."""

# The environment variable for the file to which the bench's functions append counts.
COUNTS_VARIABLE = "BENCH_COUNTS"
