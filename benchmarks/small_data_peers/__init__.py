"""What benchmarks/small_data.py compares metaopt with, each a program of its own."""
