"""Trials and their results: value types without I/O."""
