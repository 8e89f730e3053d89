"""The files that a training leaves in its directory: weights of its best and its last epoch, and how it went."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras

from metaopt.errors import UserError

BEST, LAST, PROGRESS = "best.weights.h5", "last.weights.h5", "progress.json"


@dataclass
class Progress:
    """How a training went so far.

    Attributes:
        metrics: per epoch, its metrics.
        seconds: per epoch, its wall seconds.
    """

    metrics: list[dict[str, float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def save(directory: Path, model: keras.Model, progress: Progress, best: list[Any] | None) -> None:
    """Writes what a continuation needs; each file is written aside and renamed.

    The order and the augmentation of an epoch and the seed of its dropout are functions of its number, so weights and
    the optimizer's state, which Keras writes with them, are all that is needed.

    Args:
        directory: made if it is not there.
        model: as it is after the last epoch; of no use afterwards.
        progress: how it went.
        best: weights of the best epoch as ``get_weights`` gave them, or None if they are in the directory already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _aside(directory / LAST, model.save_weights)
    if best is not None:
        model.set_weights(best)
        model.optimizer = None  # its state is that of the last epoch, and with Adam twice as large as the weights
        _aside(directory / BEST, model.save_weights)
    text = json.dumps(asdict(progress))
    _aside(directory / PROGRESS, lambda path: Path(path).write_text(text))


def restore(directory: Path | None, model: keras.Model, epochs: int) -> Progress:
    """Brings a freshly compiled model to where its training stood.

    Raises:
        UserError: there is no checkpoint of that many epochs.
    """
    path = None if directory is None else directory / PROGRESS
    progress = Progress(**json.loads(path.read_text())) if path is not None and path.exists() else Progress()
    if directory is None or len(progress.metrics) != epochs:
        raise UserError(
            f"The training cannot go on after epoch {epochs}: {directory or 'no directory'} holds a checkpoint of "
            f"{len(progress.metrics)} epochs; train it from the start."
        )
    model.load_weights(directory / LAST)
    return progress


def _aside(path: Path, write: Callable[[str], object]) -> None:
    """Lets ``write`` write another file, which then takes the place of ``path``."""
    aside = path.with_name(f"writing.{path.name}")
    write(str(aside))
    with open(aside, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(aside, path)
