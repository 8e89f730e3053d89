"""Hyperparameter and architecture search for convolutional networks, on hyperopt spaces, with Keras.

Importing the package does not import a deep-learning framework: each public name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaopt.api import search
    from metaopt.blueprint import Blueprint, InvalidArchitecture
    from metaopt.problems.problem import Problem
    from metaopt.problems.training_config import Training
    from metaopt.storage.study import Study

__all__ = ["Blueprint", "InvalidArchitecture", "Problem", "Study", "Training", "search"]

_HOME = {
    "Blueprint": "metaopt.blueprint",
    "InvalidArchitecture": "metaopt.blueprint",
    "Problem": "metaopt.problems.problem",
    "Study": "metaopt.storage.study",
    "Training": "metaopt.problems.training_config",
    "search": "metaopt.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'metaopt' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
