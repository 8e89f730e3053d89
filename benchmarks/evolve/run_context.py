"""One run: a method on a task, with a seed and a budget."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from benchmarks.evolve.budget import Budget
from benchmarks.evolve.choices import Config
from benchmarks.evolve.data import Data, load
from benchmarks.evolve.recorder import Recorder
from benchmarks.evolve.tasks import Task, load_task

_WARM, _TIMED = 1, 2  # epochs by which those of a budget in seconds are estimated


@dataclass(frozen=True)
class Order:
    """Order of a run, as the driver gives it to the process.

    Attributes:
        task: name of the task.
        method: name of the method.
        seed: seed of the method, and of the split.
        budget: its budget as text.
        data: file of the data.
        folder: folder of the run's files.
        core: core that it is pinned to.
    """

    task: str
    method: str
    seed: int
    budget: str
    data: str
    folder: str
    core: int


@dataclass(frozen=True)
class Run:
    """One run in its process.

    Attributes:
        order: the order.
        task: the task.
        data: its parts.
        recorder: is told each epoch.
        epochs: epochs of the budget; of one in seconds as many as the given configuration trains in them, so that each
            method can plan.
    """

    order: Order
    task: Task
    data: Data
    recorder: Recorder
    epochs: int

    @classmethod
    def begin(cls, order: Order, epochs: int | None = None) -> "Run":
        """Load the task and the data.

        Args:
            order: the order.
            epochs: see the attribute; None to find out.
        """
        keras.utils.set_random_seed(order.seed)
        task, data = load_task(order.task), load(Path(order.data), order.task, order.seed)
        budget = Budget.read(order.budget)
        recorder = Recorder(Path(order.folder, "events.jsonl"), budget, lambda model: task.score(model, data.test))
        if epochs is None:
            epochs = int(budget.amount) if budget.kind == "epochs" else _estimate_epochs(task, data, budget.amount)
        keras.utils.set_random_seed(order.seed)
        return cls(order, task, data, recorder, max(1, epochs))

    def train(self, model: keras.Model, config: Config, epochs: int, after: Callable[[int, float], Any]) -> None:
        """Train a model and record each epoch.

        Args:
            model: the model.
            config: its configuration.
            epochs: how many.
            after: is given the number of the epoch, from 0, and the validation loss.
        """
        for epoch in range(epochs):
            after(epoch, self.train_epoch(model, config))

    def train_epoch(self, model: keras.Model, config: Config) -> float:
        """Train a model for one epoch, record it, and return the validation loss."""
        fit_epoch(model, config, self.data)
        loss = self.task.loss(model, self.data.validation)
        self.recorder.epoch(model, loss)
        return loss


def fit_epoch(model: keras.Model, config: Config, data: Data) -> None:
    """Train a model for one epoch."""
    train = data.train
    model.fit(train.x, train.y, config["batch_size"], epochs=1, verbose=0, shuffle=True, sample_weight=train.weights)


def _estimate_epochs(task: Task, data: Data, seconds: float) -> int:
    model = task.build(task.start)
    for epoch in range(_WARM + _TIMED):
        if epoch == _WARM:
            began = time.time()
        fit_epoch(model, task.start, data)
        task.loss(model, data.validation)
    return int(seconds / (time.time() - began) * _TIMED)
