"""Figures of speed, each beside a reference that is measured in the same run."""

# The variable that names the file to which the functions of a bench add their counts.
COUNTS = "BENCH_COUNTS"
