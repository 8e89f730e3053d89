"""Test accuracy of the network that a search chose: its weights at the epoch of the best validation accuracy."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.searches.keras_training import build_network, to_arrays
from benchmarks.searches.methods.metaopt_command import STUDY
from benchmarks.searches.recorder import BEST, EPOCH, TRIAL, read_events
from benchmarks.searches.tasks import LoadedTask
from metaopt.spaces import Vals


def measure_test_accuracy(loaded: LoadedTask, folder: Path) -> dict[str, float] | None:
    """Return ``test_accuracy``, and ``val_accuracy`` measured again with the same weights; None if there are none.

    Args:
        loaded: the task.
        folder: folder of the search.
    """
    found = _from_study(folder) if (folder / STUDY).is_dir() else _from_recorder(folder)
    if found is None:
        return None
    vals, weights = found
    model = build_network(loaded, loaded.space.point(vals))
    model.set_weights(weights)
    head = next(iter(loaded.data.classes))
    accuracies = {}
    for name, images in (("val_accuracy", loaded.data.validation), ("test_accuracy", loaded.data.test())):
        x, y = to_arrays(images, head)
        accuracies[name] = float(np.mean(np.asarray(model.predict(x, verbose=0)).argmax(axis=1) == y))
    return accuracies


def _from_recorder(folder: Path) -> tuple[Vals, list[Any]] | None:
    """Return draw and weights of the best epoch that the recorder saw."""
    events = read_events(folder)
    epochs = [event for event in events if event["kind"] == EPOCH]
    if not epochs or not (folder / BEST).is_file():
        return None
    best = max(epochs, key=lambda event: event["val_accuracy"])  # the first one of equal ones, as the weights are
    vals = next(event["vals"] for event in events if event["kind"] == TRIAL and event["trial"] == best["trial"])
    with np.load(folder / BEST) as arrays:
        return Vals(vals), [arrays[f"arr_{number}"] for number in range(len(arrays))]


def _from_study(folder: Path) -> tuple[Vals, list[Any]] | None:
    """Return draw and weights of the best trial of a study of metaopt."""
    from metaopt.engine.checkpoints import Checkpoints
    from metaopt.storage.study import Study
    from metaopt.training.checkpoint import UnusableCheckpoint, best_weights

    study = Study.load(folder / STUDY)
    if study.best is None:
        return None
    directory = Checkpoints(folder / STUDY, "needed").directory(study.best.trial)
    assert directory is not None
    try:
        _, weights = best_weights(directory)
    except UnusableCheckpoint:  # e.g. killed before the first one was due
        return None
    return Vals(study.best.vals), weights[0]
