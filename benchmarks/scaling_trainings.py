"""Trainings of scaling.py: computing for so many seconds, with the spans of all epochs in a file."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metaopt.engine.jobs import Epoch, Finished, Job, Message, TrainingOptions

_SIZE = 128  # of matrices; a product takes a fraction of a millisecond


def train_epoch(log: str, trial: Any, seconds: float) -> None:
    """Compute for so many seconds, and append the span to a file.

    Args:
        log: path of the file.
        trial: identifies the trial.
        seconds: wall seconds.
    """
    begin = time.monotonic()
    matrix = np.eye(_SIZE)
    while time.monotonic() < begin + seconds:
        matrix = matrix @ matrix
    with open(log, "ab") as file:
        file.write(f"{begin} {time.monotonic()} {trial}\n".encode())


@dataclass
class SpinTrainer:
    """A trainer of metaopt whose trainings compute for so many seconds.

    Attributes:
        log: file of the spans.
        epoch_s: wall seconds of an epoch.
    """

    log: str
    epoch_s: float

    def setup(self, options: TrainingOptions) -> None:
        """Load nothing."""

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished:
        """Train a job; the loss is its number's."""
        trains_on = True
        for epoch in range(job.start + 1, job.target_resource + 1):
            train_epoch(self.log, job.trial, self.epoch_s)
            loss = 1 / (2 + job.trial % 7) + 1 / (1 + epoch)
            trains_on = report(Epoch(job.trial, epoch, {"val_accuracy": 1 - loss, "val_loss": loss}, self.epoch_s))
            if not trains_on:
                break
        return Finished(job.trial, complete=trains_on, info={"device": f"process {os.getpid()}"})


def busy_share(log: Path, workers: int) -> float:
    """Return the share of time that workers trained, from the first training until the last trial was started."""
    spans = [line.split() for line in log.read_text().splitlines()]
    first_begins: dict[str, float] = {}
    for begin, _, trial in spans:
        first_begins[trial] = min(float(begin), first_begins.get(trial, float(begin)))
    start, end = min(first_begins.values()), max(first_begins.values())
    trained = sum(max(0.0, min(float(until), end) - float(begin)) for begin, until, _ in spans)
    return trained / (workers * (end - start))
