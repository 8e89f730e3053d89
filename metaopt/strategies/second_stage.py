"""Predicted costs of the second stage of trainings, in which a part of a pretrained backbone is tuned, too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaopt.problems.stages import TrainingStages
from metaopt.strategies.cost_regression import regress

# An epoch of the second stage is expected to take longer than a typical one of the first by a factor of 1 + MACs /
# _HEAD_MACS, with the MACs, for one image, of what it trains.
_HEAD_MACS = 1.5e6
_FACTOR_DEVIATION = 1.5  # of the logarithm of what a device's factor is of this one, until epochs are measured


@dataclass(frozen=True)
class Stages:
    """Stages of the trainings of n points.

    Attributes:
        head_epochs: epochs of the first stage, infinite where no other follows, (n,).
        tuned_macs: multiply-accumulates, for one image, of what the second stage trains, (n,).
    """

    head_epochs: np.ndarray
    tuned_macs: np.ndarray

    @classmethod
    def of(cls, stages: Sequence[TrainingStages]) -> "Stages":
        """Return the stages of points."""
        head_epochs, macs = ([one.head_epochs for one in stages], [one.tuned_macs for one in stages])
        return cls(np.array(head_epochs, dtype=float), np.array(macs, dtype=float))

    def split(self, epochs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how many of the first epochs belong to each stage, (n, h).

        Args:
            epochs: numbers of epochs, (n, h) or (n, 1) or (h,).
        """
        in_first = np.minimum(epochs, self.head_epochs[:, None])
        return in_first, epochs - in_first

    def are_entered(self, begin: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return whether a trial that trains on enters the second stage after its first one, (n, h).

        Args:
            begin: epochs that it was trained, (n, 1).
            ends: epochs to train to, (h,).
        """
        head_epochs = self.head_epochs[:, None]
        return (head_epochs > 0) & (begin <= head_epochs) & (head_epochs < ends)


@dataclass(frozen=True)
class SecondStage:
    """Cost model of the second stage.

    Attributes:
        level: logarithm of the seconds of a typical epoch of the first stage.
        coefficients: for the logarithm of the ratio of measured to expected seconds, the constant first; those of a
            regression.
        entering: seconds that a job takes longer, besides its epochs, in which a trial enters the second stage: another
            network is built and compiled, and its features may have to be computed.
    """

    level: float
    coefficients: np.ndarray
    entering: float

    @classmethod
    def fit(
        cls, inputs: np.ndarray, stages: Stages, seconds: np.ndarray, level: float, entering: float
    ) -> "SecondStage":
        """Fit the model to the n >= 0 trials with an epoch of the second stage.

        Args:
            inputs: inputs of the regression, (n, k).
            stages: their stages.
            seconds: of such an epoch of each, (n,).
            level: see ``SecondStage``.
            entering: see ``SecondStage``.
        """
        targets = np.log(seconds) - level - _log_factors(stages)
        return cls(level, regress(inputs, targets[:, None], _FACTOR_DEVIATION)[:, 0], entering)

    def seconds(self, inputs: np.ndarray, stages: Stages) -> np.ndarray:
        """Return the predicted seconds of an epoch of the second stage, (n,)."""
        return np.exp(self.level + _log_factors(stages) + inputs @ self.coefficients)


def _log_factors(stages: Stages) -> np.ndarray:
    return np.log1p(stages.tuned_macs / _HEAD_MACS)
