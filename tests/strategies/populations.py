"""Searches of population-based strategies over learning curves that depend on the hyperparameters of each epoch."""

import math
from pathlib import Path

from hyperopt import hp

from metaopt.engine.jobs import ForkOf, Job
from metaopt.executors import Simulated
from metaopt.storage.files import Unsynced
from metaopt.storage.study import Study
from tests.engine.synthetic import search as synthetic_search

SPACE = {"rate": hp.loguniform("rate", math.log(1e-4), 0.0), "mode": hp.choice("mode", ["a", "b"])}
EPOCHS = 20


class Trainings(Simulated):
    """Virtual trainings whose accuracy grows fastest at a learning rate that falls with the epochs.

    Args:
        workers: number of workers.
        are_equal: whether all epochs take the same time.
        killed_after: number of reports after which Ctrl-C is pressed; None for never.
        fails: tells the epochs of a job at which it diverges.
    """

    def __init__(self, workers=1, are_equal=True, killed_after=None, fails=lambda job, epoch: False):
        super().__init__(self.curve, workers)
        self.killed_after = killed_after
        self.reports = 0
        self.jobs: list[Job] = []
        self._are_equal = are_equal
        self._fails = fails
        self._reached: dict[tuple[int, int], float] = {}

    def submit(self, job):
        self.jobs.append(job)
        super().submit(job)

    def wait(self, handle, timeout=None):
        if self.reports == self.killed_after:
            raise KeyboardInterrupt
        self.reports += 1
        super().wait(handle, timeout)

    def resume_with(self, study: Study) -> None:
        """Know the accuracies that a study holds, as trainings do from their checkpoints."""
        for trial in study.state.trials:
            for epoch, metrics in enumerate(trial.metrics, 1):
                self._reached[trial.number, epoch] = metrics["val_accuracy"]

    def metrics(self, job: Job, accuracy: float) -> dict[str, float]:
        """Return further metrics of an epoch."""
        return {}

    def curve(self, job):
        accuracy = 0.0
        if job.start:
            is_new = isinstance(job.init, ForkOf)
            accuracy = self._reached[job.origin.trial if is_new else job.trial, job.start]
        for epoch in range(1, EPOCHS + 1):
            if epoch > job.start:
                best = -1 - 2 * epoch / EPOCHS
                fit = math.exp(-2 * (math.log10(job.point["rate"]) - best) ** 2)
                accuracy += 0.2 * fit * (1 - accuracy)
                self._reached[job.trial, epoch] = accuracy
            value = float("nan") if epoch > job.start and self._fails(job, epoch) else accuracy
            seconds = 1.0 if self._are_equal else 1 + job.trial * 7 % 5 / 3
            yield {"val_accuracy": value, **self.metrics(job, accuracy)}, seconds


def search(folder: Path, strategy: str = "pbt", executor: Simulated | None = None, **given) -> Study:
    """Search with a population of five members, intervals of four epochs, and two members in each quantile."""
    defaults = {"population": 5, "quantile": 0.4, "epochs": EPOCHS, "perturbation_interval": 4, "trials": 13}
    named = {"sampler": strategy, "scheduler": strategy, "space": SPACE, "files": Unsynced()}
    return synthetic_search(folder, executor=executor or Trainings(), **{**defaults, **named, **given})
