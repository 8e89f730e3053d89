"""Objectives: the number of an epoch that is optimised, always as a loss, and its score for a record's name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metaopt.errors import UserError, hint

Metrics = dict[str, float]
"""Name → value of one epoch, e.g. ``{"loss": 0.7, "val_accuracy": 0.81}``."""


@dataclass(frozen=True)
class Objective:
    """One number of a trial to be optimised.

    Attributes:
        name: name of the metric, or ``convergence``.
        maximised: whether larger is better; the loss is then the negated metric.
        nonnegative: whether the loss is never below 0.
        last_epoch_only: whether the value is taken at the last epoch instead of the best.
    """

    name: str
    maximised: bool = False
    nonnegative: bool = True
    last_epoch_only: bool = False

    def loss(self, metrics: Metrics, seconds: float) -> float:
        """Return the loss of one epoch, to be minimised.

        Args:
            metrics: metrics of the epoch.
            seconds: training seconds of the trial up to and including this epoch.

        Raises:
            KeyError: The metric is missing.
        """
        if self.name == "convergence":
            # Small where a network is good and quick to train; compares trials of equal length only.
            return math.log(metrics["val_loss"] + 1) * math.log(seconds + 1)
        value = metrics[self.name]
        return -value if self.maximised else value

    def losses(self, epochs: Sequence[Metrics], seconds: Sequence[float]) -> list[float]:
        """Return the loss of each epoch of a trial, given each epoch's metrics and its own seconds."""
        total, losses = 0.0, []
        for metrics, spent in zip(epochs, seconds, strict=True):
            total += spent
            losses.append(self.loss(metrics, total))
        return losses

    def value(self, loss: float) -> float:
        """Return the loss in the user's sense: an accuracy is shown as an accuracy."""
        return -loss if self.maximised else loss

    def score(self, loss: float) -> float:
        """Return the loss as a number in 0..1 that grows with quality, for the names of records."""
        if self.maximised:
            return min(max(-loss, 0.0), 1.0)
        return 1 / (1 + max(loss, 0.0)) if self.nonnegative else 0.5 - math.atan(loss) / math.pi


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("val_accuracy", maximised=True),
        Objective("val_loss"),
        Objective("val_top3", maximised=True),
        Objective("val_precision", maximised=True),
        Objective("convergence", last_epoch_only=True),
        Objective("loss", nonnegative=False),  # returned by a user's own train(point)
    )
}


def find_objective(name: str) -> Objective:
    """Return the objective of that name.

    Raises:
        UserError: There is none; the message names the nearest one.
    """
    if name not in OBJECTIVES:
        raise UserError(f"Unknown objective: {name}. {hint(name, OBJECTIVES)}", "objective")
    return OBJECTIVES[name]
