"""Hyperparameter and architecture search for convolutional networks, on hyperopt spaces, with Keras.

Importing the package does not import a deep-learning framework: each public name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in typing, whose import takes longer than all others before Ctrl-C is handled
if TYPE_CHECKING:
    from typing import Any

    from metaopt import samplers, schedulers
    from metaopt.api import search
    from metaopt.blueprint import Blueprint, InvalidArchitecture
    from metaopt.data_search import search_data
    from metaopt.evolve_api import evolve_training
    from metaopt.executors.ray_cluster import WorkerResources
    from metaopt.problems.problem import Problem
    from metaopt.problems.training_config import Training
    from metaopt.public_study import Study

__version__ = "0.2.0"

__all__ = [
    "Blueprint",
    "InvalidArchitecture",
    "Problem",
    "Study",
    "Training",
    "WorkerResources",
    "evolve_training",
    "samplers",
    "schedulers",
    "search",
    "search_data",
]

_HOME = {
    "Blueprint": "metaopt.blueprint",
    "InvalidArchitecture": "metaopt.blueprint",
    "Problem": "metaopt.problems.problem",
    "Study": "metaopt.public_study",
    "Training": "metaopt.problems.training_config",
    "WorkerResources": "metaopt.executors.ray_cluster",
    "evolve_training": "metaopt.evolve_api",
    "search": "metaopt.api",
    "search_data": "metaopt.data_search",
}
_PACKAGES = ("samplers", "schedulers")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"metaopt.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'metaopt' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
