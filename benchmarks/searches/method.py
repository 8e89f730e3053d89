"""Interface of a method of the benchmark, and the list of all methods."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import find_missing, find_versions
from benchmarks.searches.recorder import Recorder
from benchmarks.searches.tasks import LoadedTask
from metaopt.spaces import Vals

_FILES = ("metaopt_command", "keras_tuner_tuners", "optuna_studies", "ray_tune_runs")


@dataclass(frozen=True)
class Run:
    """One search, or one list of trainings, in its process.

    Attributes:
        loaded: the task.
        seed: seed of the method.
        epochs: maximum epochs of a training.
        folder: folder for files of the method.
        recorder: is told each epoch.
    """

    loaded: LoadedTask
    seed: int
    epochs: int
    folder: Path
    recorder: Recorder


@dataclass(frozen=True)
class Method:
    """A method of a library.

    Attributes:
        packages: distributions that it needs; their versions are stored with its results.
        modules: modules that it imports; the benchmark imports them once before it measures.
        search: searches until the process is killed at its time limit.
        note: how it was set up, one or more sentences.
    """

    packages: tuple[str, ...]
    modules: tuple[str, ...]
    search: Callable[[Run], None]
    note: str

    def why_not(self) -> str | None:
        """Return why it cannot run here, e.g. "optuna is not installed"; None if it can."""
        return find_missing(self.packages)

    @property
    def versions(self) -> dict[str, str]:
        """Package → version."""
        return find_versions(self.packages)


@dataclass(frozen=True)
class Trainer:
    """How a library trains a given list of networks.

    Attributes:
        packages: distributions that it needs.
        modules: modules that it imports.
        train: trains each network of the list, in its order.
        note: how it was set up, one or more sentences.
    """

    packages: tuple[str, ...]
    modules: tuple[str, ...]
    train: Callable[[Run, Sequence[Vals]], None]
    note: str

    why_not = Method.why_not
    versions = Method.versions


def list_methods() -> Mapping[str, Method]:
    """Return the methods of all libraries by name, that of metaopt first."""
    return {name: each for file in _FILES for name, each in _module(file).METHODS.items()}


def list_trainers() -> Mapping[str, Trainer]:
    """Return how each library trains a list of networks, that of metaopt first."""
    return {name: each for file in _FILES for name, each in _module(file).TRAINERS.items()}


def _module(file: str) -> Any:
    return importlib.import_module(f"benchmarks.searches.methods.{file}")
