"""Evolution of the hyperparameters of one network while it trains: configurations, mutations, fitness, crossover."""

from metaopt.evolving import builtin_mutations  # registers them
from metaopt.evolving.fitness import DEFAULT_FITNESS, FITNESS, Fitness, find_fitness
from metaopt.evolving.hyperparameters import Configuration, Hyperparameter
from metaopt.evolving.lineage import Cycle, Lineage, trace
from metaopt.evolving.mutation import MUTATIONS, Change, Mutation, find_mutations, mutate, mutation
from metaopt.evolving.network import Network
from metaopt.evolving.plan import EvolutionPlan

__all__ = [
    "DEFAULT_FITNESS",
    "FITNESS",
    "MUTATIONS",
    "Change",
    "Configuration",
    "Cycle",
    "EvolutionPlan",
    "Fitness",
    "Hyperparameter",
    "Lineage",
    "Mutation",
    "Network",
    "builtin_mutations",
    "find_fitness",
    "find_mutations",
    "mutate",
    "mutation",
    "trace",
]
