"""Quick trainings: a few seconds of a network on a part of the images, to estimate the time and memory of a trial."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metaopt.data import DataSet, Images, subset
from metaopt.engine.jobs import Epoch, EpochProgress, Failed, Finished, Job, Message, Rejected, TrainingOptions
from metaopt.problems import Problem, Training
from metaopt.problems.stages import find_stages
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
        epoch_s: estimated seconds of an epoch on all images, its validation included; of a training in two stages, of
            one of the first stage.
        memory: peak bytes of main memory of the process.
        accelerator_memory: peak bytes on the GPU, or None.
        params: number of parameters, or None.
        macs: multiply-accumulates of one image, or None.
        head_epochs: epochs of the first stage of a training in two stages; None for one without.
        tuned_epoch_s: estimated seconds of an epoch of the second stage.
    """

    setup_s: float
    epoch_s: float
    memory: int
    accelerator_memory: int | None = None
    params: int | None = None
    macs: int | None = None
    head_epochs: int | None = None
    tuned_epoch_s: float = 0.0

    def trial_s(self, epochs: int) -> float:
        """Return the estimated seconds of a training of so many epochs."""
        in_first = epochs if self.head_epochs is None else min(epochs, self.head_epochs)
        return self.setup_s + in_first * self.epoch_s + (epochs - in_first) * self.tuned_epoch_s


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
        assert isinstance(self._problem, Problem)
        self._given = self._problem
        self._problem = replace(self._given, training=lambda point: _shorten(self._given.training(point)))

    def train(self, job: Job, report: Callable[[Message], bool]) -> Finished | Failed | Rejected:
        """Train for two epochs, one of each stage if there are two, or until the time limit.

        Returns:
            How it ended; the cost is in ``returned`` of a ``Finished``.
        """
        share = self._take_part(job)
        head_epochs = self._count_head_epochs(job.point)
        watch = _Watch(report, least_epochs=1 if head_epochs is None else 2)
        watch.began = time.perf_counter()
        with measured_memory() as memory:
            try:
                end: Finished | Failed | Rejected | None = super().train(job, watch)
            except _TimeIsOver:
                end = None
        if isinstance(end, Failed | Rejected):
            return end
        spent = time.perf_counter() - watch.began
        if head_epochs is not None and len(watch.epochs) + (watch.partial is not None) >= 2:
            epoch_s, tuned_s = watch.epochs[0], watch.partial or watch.epochs[1]
        else:
            head_epochs, tuned_s = None, 0.0
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
            head_epochs=head_epochs,
            tuned_epoch_s=tuned_s / share,
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

    def _count_head_epochs(self, point: Any) -> int | None:
        """Return the number of epochs of the first of two stages; None for a training that has one."""
        if self._given.build_and_train is not None or not self._given.has_blueprint:
            return None
        blueprint = self._given.blueprint(point, self._whole.input_shape, self._whole.classes)
        stages = None if blueprint is None else find_stages(blueprint, self._given.training_of(point))
        return None if stages is None or stages.head_epochs in (0, math.inf) else int(stages.head_epochs)

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

    Args:
        report: takes the reports.
        least_epochs: epochs to measure whatever the time, the last of them perhaps in part.

    Attributes:
        began: time of the start.
        epochs: seconds of the epochs.
        in_epoch: seconds in the epoch that was not finished.
        partial: estimated seconds of that epoch, or None.
    """

    def __init__(self, report: Callable[[Message], bool], least_epochs: int = 1) -> None:
        self._report = report
        self._least_epochs = least_epochs
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
            self._first = None
            return len(self.epochs) < self._least_epochs or now - self.began < LIMIT_S
        if isinstance(message, EpochProgress) and message.fraction > 0:
            if self._first is None:
                self._first = now, message.fraction
            elif self._is_long(message.fraction, now):
                self.partial = (now - self._first[0]) / (message.fraction - self._first[1])
                self.in_epoch = min(message.fraction * self.partial, now - self.began)
                raise _TimeIsOver
            return True
        return self._report(message)

    def _is_long(self, fraction: float, now: float) -> bool:
        assert self._first is not None
        is_measured = len(self.epochs) < self._least_epochs and fraction > self._first[1]
        return is_measured and now - self.began > LIMIT_S


def _shorten(training: Training) -> Training:
    """Return the configuration with one epoch in the first stage, if it has any."""
    if training.fine_tuning is None:
        return training
    head_epochs = min(1, training.fine_tuning.head_epochs)
    return replace(training, fine_tuning=replace(training.fine_tuning, head_epochs=head_epochs))


def _some(images: Images, share: float) -> Images:
    """Return a share of images at random, at least one."""
    count = max(1, round(share * len(images)))
    rows = make_generator(0, 0, "quick training").permutation(len(images))[:count]
    return subset(images, np.sort(rows))
