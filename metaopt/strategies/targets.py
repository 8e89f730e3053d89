"""Losses as a model sees them: linear where they are good, logarithmic where they are bad."""

from dataclasses import dataclass

import numpy as np


def standardise(losses: np.ndarray) -> np.ndarray:
    """Transform losses to mean 0 and variance 1, (n,), n >= 1.

    Below the median, losses keep the ratios of their distances, which expected improvement needs. Above it, the
    logarithm of the distance is used, so that a diverged training does not squeeze all others together. Failures, which
    are NaN or infinite, are as bad as the worst.
    """
    return _standardised(losses)[0]


@dataclass(frozen=True)
class LossScale:
    """Scale of standardised losses, to show them as losses again.

    Attributes:
        median: loss at which the logarithm begins.
        spread: mean distance of the losses below it.
        mean: mean of the transformed losses.
        deviation: their standard deviation.
    """

    median: float = 0.0
    spread: float = 1.0
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, losses: np.ndarray) -> "LossScale":
        """Return the scale on which ``standardise`` brings these losses."""
        return _standardised(losses)[1]

    @property
    def unit(self) -> float:
        """Difference of losses below the median whose standardised difference is 1."""
        return self.spread * self.deviation

    def restore(self, standardised: np.ndarray) -> np.ndarray:
        """Return the losses of standardised ones; infinite where they exceed the largest float."""
        scaled = standardised * self.deviation + self.mean
        return self.median + self.spread * np.where(scaled > 0, np.expm1(np.maximum(scaled, 0)), scaled)


def _standardised(losses: np.ndarray) -> tuple[np.ndarray, LossScale]:
    is_known = np.isfinite(losses)
    if not is_known.any():
        return np.zeros(len(losses)), LossScale()
    known = losses[is_known]
    median = np.median(known)
    below = median - known[known < median]
    spread = below.mean() if len(below) else known.max() - median
    spread = spread if spread > 0 else 1.0
    scaled = (known - median) / spread
    found = np.empty(len(losses))
    found[is_known] = np.where(scaled > 0, np.log1p(np.maximum(scaled, 0)), scaled)
    found[~is_known] = found[is_known].max()
    standardised, mean, deviation = scale(found)
    return standardised, LossScale(float(median), float(spread), mean, deviation)


def scale(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return values with mean 0 and variance 1, and the mean and the standard deviation that they had."""
    mean, deviation = float(values.mean()), float(values.std())
    deviation = deviation if deviation > 0 else 1.0
    return (values - mean) / deviation, mean, deviation
