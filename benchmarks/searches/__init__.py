"""Benchmark of whole searches: real trainings, wall time, metaopt and other libraries on the same networks and data."""
