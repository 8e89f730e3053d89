"""Objectives: what of an epoch is optimised, always as a loss, and how it is written into a record's name."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from metaopt.errors import UserError
from metaopt.trials.constraints import Limit, violation

Metrics = dict[str, float]


@dataclass(frozen=True)
class Objective:
    """One number of a trial to be optimised.

    Attributes:
        name: as given to ``--objective``.
        maximised: whether larger is better; the loss is then the negated metric.
        nonnegative: whether the loss is never below 0.
        last_epoch_only: taken once, at the last epoch, instead of at the best.
    """

    name: str
    maximised: bool = False
    nonnegative: bool = True
    last_epoch_only: bool = False

    def loss(self, metrics: Metrics, seconds: float) -> float:
        """The loss of one epoch, to be minimised.

        Args:
            metrics: the epoch's metrics.
            seconds: training seconds of the trial up to and with this epoch.

        Raises:
            KeyError: the metric is not among them.
        """
        if self.name == "convergence":
            # Small where a network is good and quick to train; of trials of equal length.
            return math.log(metrics["val_loss"] + 1) * math.log(seconds + 1)
        value = metrics[self.name]
        return -value if self.maximised else value

    def losses(self, epochs: Sequence[Metrics], seconds: Sequence[float]) -> list[float]:
        """The loss of each epoch of a trial, given each epoch's metrics and its own seconds."""
        total, losses = 0.0, []
        for metrics, spent in zip(epochs, seconds, strict=True):
            total += spent
            losses.append(self.loss(metrics, total))
        return losses

    def best_epoch(self, epochs: Sequence[Metrics], losses: Sequence[float], limits: Sequence[Limit] = ()) -> int:
        """The best epoch of a trial, from 0: the first of the smallest loss among those that keep the measured limits,
        or among all where none does.

        Args:
            epochs: the metrics of each, of one at least.
            losses: of each, see ``losses``.
            limits: any limits; those on metrics of an epoch count.
        """
        if self.last_epoch_only:
            return len(epochs) - 1
        keeping = [number for number, metrics in enumerate(epochs) if violation(limits, metrics) == 0]
        return min(keeping or range(len(losses)), key=losses.__getitem__)

    def value(self, loss: float) -> float:
        """The loss as the user thinks of it: an accuracy is shown as an accuracy."""
        return -loss if self.maximised else loss

    def score(self, loss: float) -> float:
        """The loss as a number in 0..1 that grows with quality, for the names of records."""
        if self.maximised:
            return min(max(-loss, 0.0), 1.0)
        return 1 / (1 + loss) if self.nonnegative else 0.5 - math.atan(loss) / math.pi


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("val_accuracy", maximised=True),
        Objective("val_loss"),
        Objective("val_top3", maximised=True),
        Objective("val_precision", maximised=True),
        Objective("convergence", last_epoch_only=True),
        Objective("loss", nonnegative=False),  # what a user's own train(point) returns
    )
}


def find_objective(name: str) -> Objective:
    """The objective of that name.

    Raises:
        UserError: there is none; the nearest right name is in the message.
    """
    if name not in OBJECTIVES:
        near = difflib.get_close_matches(name, OBJECTIVES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(OBJECTIVES)}."
        raise UserError(f"--objective {name} is unknown: {hint}")
    return OBJECTIVES[name]
