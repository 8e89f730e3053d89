"""Strategies that decide jointly what to try and how long to train it, instead of by a sampler and a scheduler."""

from metaopt.strategies.auto import Auto
from metaopt.strategies.curve_view import CurveTrial, CurveView
from metaopt.strategies.evolve_training import EvolveTraining
from metaopt.strategies.pb2 import PB2
from metaopt.strategies.pbt import PBT

__all__ = ["PB2", "PBT", "Auto", "CurveTrial", "CurveView", "EvolveTraining"]
