"""A problem file with a small network for the digits, and one whose training logs each epoch that begins.

The log tells which epochs were trained, also by processes that were killed.
"""

from pathlib import Path
from typing import NamedTuple

PROBLEM = """
from hyperopt import hp
from metaopt.blueprint import Blueprint, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D

space = {
    "filters": hp.uniformint("filters", 2, 12),
    "dropout": hp.uniform("dropout", 0, 0.5),
    "learning_rate": hp.loguniform("learning_rate", -8, -3),
    "batch_size": 128,
}

def network(point, input_shape, classes):
    inputs = Input(input_shape)
    x = MaxPooling2D(2)(Conv2D(point["filters"], 3, activation="relu")(inputs))
    x = Dropout(point["dropout"])(Flatten()(x))
    return Blueprint(inputs, Dense(classes["label"], activation="softmax")(x))
"""
_LOGGED = """
def build_and_train(point, data, *, epochs, checkpoint, run):
    import os, time
    from metaopt.training import checkpoint_policy, fit

    class Logged(fit.EpochLoop):
        def on_epoch_begin(self, number, logs=None):
            epoch = number + 1
            with open(FOLDER + "/trained.log", "a+") as file:
                file.seek(0)
                is_first = all(line.split()[1] != str(epoch) for line in file)
                file.write(f"{run.job.trial} {epoch} {os.getpid()} {os.path.exists(FOLDER + '/results/.ray')}\\n")
            HOLD
            super().on_epoch_begin(number, logs)

    # Restored after each training: a test may run in this process later.
    original, fit.EpochLoop = fit.EpochLoop, Logged
    share, checkpoint_policy.MAX_TIME_SHARE = checkpoint_policy.MAX_TIME_SHARE, 1e9
    try:
        problem = type("Problem", (), {"network": staticmethod(network)})
        return fit.build_and_train(problem, point, data, epochs=epochs, checkpoint=checkpoint, run=run)
    finally:
        fit.EpochLoop = original
        checkpoint_policy.MAX_TIME_SHARE = share
"""


class BegunEpoch(NamedTuple):
    """An epoch whose training began.

    Attributes:
        trial: number of the trial.
        epoch: from 1.
        pid: process of the training.
        shares_results: whether the training saw the folder ``results`` of a search on Ray.
    """

    trial: int
    epoch: int
    pid: int
    shares_results: bool


def logged_problem(folder: Path, hold: str) -> str:
    """Text of a problem file that writes a checkpoint after each epoch, and logs the begin of each.

    Args:
        folder: where the log is, and ``results``.
        hold: a statement that runs when an epoch begins, with the names ``epoch``, from 1, ``is_first``, whether no
            trial has begun that epoch before, ``FOLDER``, ``os`` and ``time``.
    """
    return f"{PROBLEM}\nFOLDER = {str(folder)!r}\n{_LOGGED.replace('HOLD', hold)}"


def begun_epochs(folder: Path) -> list[BegunEpoch]:
    """The epochs whose training began, in that order."""
    log = folder / "trained.log"
    found = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [BegunEpoch(int(trial), int(epoch), int(pid), shared == "True") for trial, epoch, pid, shared in found]
