"""Console output: live progress, the best trial and comparisons as text."""
