"""Samplers: algorithms that propose the next trial. Each is also an algorithm for ``hyperopt.fmin``."""

from metaopt.samplers._base import History, Observation, Sampler, value_key
from metaopt.samplers.anneal import Anneal
from metaopt.samplers.evolution import Evolution
from metaopt.samplers.gp import GP
from metaopt.samplers.random import Random
from metaopt.samplers.tpe import TPE
from metaopt.spaces import Vals

# Names of the setting ``sampler``.
SAMPLERS: dict[str, type[Sampler]] = {"random": Random, "tpe": TPE, "anneal": Anneal, "evolution": Evolution, "gp": GP}

__all__ = [
    "GP",
    "SAMPLERS",
    "TPE",
    "Anneal",
    "Evolution",
    "History",
    "Observation",
    "Random",
    "Sampler",
    "Vals",
    "value_key",
]
