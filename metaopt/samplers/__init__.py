"""Samplers: what to train next, given what was found. Each is an algorithm for ``hyperopt.fmin`` too."""

from metaopt.samplers._base import History, Observation, Sampler
from metaopt.samplers.anneal import Anneal
from metaopt.samplers.evolution import Evolution
from metaopt.samplers.gp import GP
from metaopt.samplers.joint_tpe import JointTPE
from metaopt.samplers.random import Random
from metaopt.samplers.tpe import TPE
from metaopt.spaces import Vals

# The names that --sampler takes; over rungs ``tpe`` is JointTPE.
SAMPLERS: dict[str, type[Sampler]] = {"random": Random, "tpe": TPE, "anneal": Anneal, "evolution": Evolution, "gp": GP}

__all__ = [
    "GP",
    "SAMPLERS",
    "TPE",
    "Anneal",
    "Evolution",
    "History",
    "JointTPE",
    "Observation",
    "Random",
    "Sampler",
    "Vals",
]
