"""Quick trainings: a few seconds of a network on a part of the images, to estimate the time and memory of a trial."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metaopt.data import DataSet, Images, subset
from metaopt.engine.jobs import Epoch, EpochProgress, Failed, Finished, Job, Message, Rejected, TrainingOptions
from metaopt.randomness import make_generator
from metaopt.training.peak_memory import measured_memory
from metaopt.training.trainer import KerasTrainer

EPOCHS = 2
LIMIT_S = 15.0
"""Seconds after which a training ends at its next report."""

_MOST_IMAGES = 2048  # more would be slower, and measure an epoch hardly better
_BATCHES = 4


@dataclass(frozen=True)
class TrialCost:
    """Measured cost of the training of a network.

    Attributes:
        setup_s: seconds until the first epoch: to build the network and to compile its steps.
        epoch_s: estimated seconds of an epoch on all images, its validation included.
        memory: peak bytes of main memory of the process.
        accelerator_memory: peak bytes on the GPU, or None.
        params: number of parameters, or None.
        macs: multiply-accumulates of one image, or None.
    """

    setup_s: float
    epoch_s: float
    memory: int
    accelerator_memory: int | None = None
    params: int | None = None
    macs: int | None = None

    def trial_s(self, epochs: int) -> float:
        """Return the estimated seconds of a training of so many epochs."""
        return self.setup_s + epochs * self.epoch_s


class QuickTrainer(KerasTrainer):
    """Trains each job for a moment on a part of the images; ``find_cost`` reads its reports.

    Args:
        folds: number of folds of one repeat that a trial trains.
        repeats: number of repeats of the folds.
        arguments: those of ``KerasTrainer``.
        options: likewise.
    """

    def __init__(self, *arguments: Any, folds: int = 1, repeats: int = 1, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._folds, self._repeats = folds, repeats

    def setup(self, options: TrainingOptions) -> None:
        """See ``KerasTrainer.setup``."""
        super().setup(options)
        assert isinstance(self._data, DataSet)
        self._whole = self._data

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Train for two epochs, or until the time limit.

        Returns:
            How it ended; the cost is in ``returned`` of a ``Finished``.
        """
        share = self._take_part(job)
        watch = _Watch(report)
        watch.began = time.perf_counter()
        with measured_memory() as memory:
            try:
                end: Finished | Failed | Rejected | None = super().train(job, watch)
            except _TimeIsOver:
                end = None
        if isinstance(end, Failed | Rejected):
            return end
        spent = time.perf_counter() - watch.began
        epoch_s = min(watch.epochs, default=watch.partial or spent)
        # Without a report, as of a user's own training that makes none, all of the time counts as its epochs.
        setup_s = max(0.0, spent - sum(watch.epochs) - (watch.in_epoch if end is None else 0.0)) if watch.told else 0.0
        info = {} if end is None else end.info
        cost = TrialCost(
            setup_s=setup_s,
            epoch_s=epoch_s / share,
            memory=memory.process,
            accelerator_memory=memory.accelerator,
            params=info.get("params"),
            macs=info.get("macs"),
        )
        return Finished(job.trial, complete=False, seconds=spent, returned={"cost": vars(cost)})

    def _take_part(self, job: Job) -> float:
        """Train on a part of the images; return its share of an epoch of a trial, folds included."""
        whole = self._whole
        part = whole.folds(self._folds)[0]
        wanted = max(_MOST_IMAGES, _BATCHES * self._batch_size(job.point))
        share = min(1.0, wanted / len(part.train))
        train, validation = _some(part.train, share), _some(part.validation, share)
        self._data = replace(whole, train=train, validation=validation, _folds={})
        return share / (self._folds * self._repeats)

    def _batch_size(self, point: Any) -> int:
        try:
            return int(self._problem.training_of(point).batch_size)  # type: ignore[union-attr]
        except (AttributeError, KeyError, TypeError, ValueError):  # a problem with build_model alone
            return 1


def quick_options(options: TrainingOptions) -> TrainingOptions:
    """Return the options of a quick training: those of a search, in epochs, without what ends a trial early."""
    return replace(
        options,
        resource=EPOCHS,
        unit="epochs",
        folds=1,
        repeats=1,
        race=False,
        early_stopping=None,
        loss_based_stopping=None,
        inherit=False,
        trial_timeout_s=None,
    )


def find_cost(end: Finished) -> TrialCost:
    """Return the cost that a ``QuickTrainer`` reported."""
    return TrialCost(**end.returned["cost"])


class _TimeIsOver(Exception):
    """Ends a training within an epoch."""


class _Watch:
    """Passes reports on, and notes the seconds of the epochs.

    Attributes:
        began: time of the start.
        epochs: seconds of the epochs.
        in_epoch: seconds in the epoch that was not finished.
        partial: estimated seconds of that epoch, or None.
    """

    def __init__(self, report: Callable[[Message], bool]) -> None:
        self._report = report
        self.began = 0.0
        self.epochs: list[float] = []
        self.in_epoch = 0.0
        self.partial: float | None = None
        self._first: tuple[float, float] | None = None

    @property
    def told(self) -> bool:
        """Whether the training reported anything."""
        return bool(self.epochs) or self.partial is not None

    def __call__(self, message: Message) -> bool:
        now = time.perf_counter()
        if isinstance(message, Epoch):
            self.epochs.append(message.seconds)
            return now - self.began < LIMIT_S
        if isinstance(message, EpochProgress) and message.fraction > 0:
            if self._first is None:
                self._first = now, message.fraction
            elif not self.epochs and message.fraction > self._first[1] and now - self.began > LIMIT_S:
                self.partial = (now - self._first[0]) / (message.fraction - self._first[1])
                self.in_epoch = min(message.fraction * self.partial, now - self.began)
                raise _TimeIsOver
            return True
        return self._report(message)


def _some(images: Images, share: float) -> Images:
    """Return a share of images at random, at least one."""
    count = max(1, round(share * len(images)))
    rows = make_generator(0, 0, "quick training").permutation(len(images))[:count]
    return subset(images, np.sort(rows))
