"""Programs that benchmarks/small_data.py compares metaopt with."""
