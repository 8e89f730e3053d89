"""Losses as a model sees them: linear where they are good, logarithmic where they are bad."""

import numpy as np


def standardise(losses: np.ndarray) -> np.ndarray:
    """Transform losses to mean 0 and variance 1, (n,), n >= 1.

    Below the median, losses keep the ratios of their distances, which expected improvement needs. Above it, the
    logarithm of the distance is used, so that a diverged training does not squeeze all others together. Failures, which
    are NaN or infinite, are as bad as the worst.
    """
    is_known = np.isfinite(losses)
    if not is_known.any():
        return np.zeros(len(losses))
    known = losses[is_known]
    median = np.median(known)
    below = median - known[known < median]
    spread = below.mean() if len(below) else known.max() - median
    scaled = (known - median) / (spread if spread > 0 else 1.0)
    found = np.empty(len(losses))
    found[is_known] = np.where(scaled > 0, np.log1p(np.maximum(scaled, 0)), scaled)
    found[~is_known] = found[is_known].max()
    return scale(found)[0]


def scale(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return values with mean 0 and variance 1, and the mean and the standard deviation that they had."""
    mean, deviation = float(values.mean()), float(values.std())
    deviation = deviation if deviation > 0 else 1.0
    return (values - mean) / deviation, mean, deviation
