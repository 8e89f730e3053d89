"""Training of one network: compiling, the fit loop, metrics, checkpoints, and the trainers that an executor runs.

Importing the package imports no framework; what needs Keras is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from metaopt.training.functions import FunctionTrainer
from metaopt.training.network_refused import NetworkRefused
from metaopt.training.trainer import KerasTrainer

if TYPE_CHECKING:
    from metaopt.training.compiling import compile_model
    from metaopt.training.fit import build_and_train

__all__ = ["FunctionTrainer", "KerasTrainer", "NetworkRefused", "build_and_train", "compile_model"]

_NEED_KERAS = {"build_and_train": "metaopt.training.fit", "compile_model": "metaopt.training.compiling"}


def __getattr__(name: str) -> Any:
    if name not in _NEED_KERAS:
        raise AttributeError(f"module 'metaopt.training' has no attribute {name!r}")
    return getattr(import_module(_NEED_KERAS[name]), name)
