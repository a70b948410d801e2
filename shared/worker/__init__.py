"""The steps of a job, one file each, and the sweep that keeps jobs moving."""
