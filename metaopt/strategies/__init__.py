"""Strategies that decide jointly what to try and how long to train it, instead of by a sampler and a scheduler."""

from metaopt.strategies.auto import Auto
from metaopt.strategies.curve_view import CurveTrial, CurveView

__all__ = ["Auto", "CurveTrial", "CurveView"]
