"""Trainings of gpu.py: the network, and a plain JAX loop."""
