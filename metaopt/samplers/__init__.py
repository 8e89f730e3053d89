"""Samplers: what to train next, given what was found. Each is also an algorithm for ``hyperopt.fmin``, see ``suggest``."""

from metaopt.samplers._base import History, Observation, Sampler
from metaopt.samplers.anneal import Anneal
from metaopt.samplers.random import Random
from metaopt.samplers.tpe import TPE

# The names that --sampler takes.
SAMPLERS: dict[str, type[Sampler]] = {"random": Random, "tpe": TPE, "anneal": Anneal}

__all__ = ["SAMPLERS", "TPE", "Anneal", "History", "Observation", "Random", "Sampler"]
