"""Losses as a model sees them: linear where they are good, logarithmic where they are bad."""

import numpy as np


def standardise(losses: np.ndarray, violations: np.ndarray) -> np.ndarray:
    """Transform losses to mean 0 and variance 1, (n,).

    Below the median, losses keep the ratios of their distances, which expected improvement needs. Above it, the
    logarithm of the distance is used, so that a diverged training does not squeeze all others together. Infeasible
    results are worse than all feasible ones, by the logarithm of their violation; failures are as bad as the worst.

    Args:
        losses: (n,), n >= 1; NaN and infinite ones are failures.
        violations: relative violation of the constraints, 0 for feasible results, (n,).
    """
    is_known = np.isfinite(losses)
    is_feasible = is_known & (violations == 0)
    found = np.zeros(len(losses))
    if is_feasible.any():
        feasible = losses[is_feasible]
        median = np.median(feasible)
        below = median - feasible[feasible < median]
        spread = below.mean() if len(below) else (feasible.max() - median)
        scaled = (feasible - median) / (spread if spread > 0 else 1.0)
        found[is_feasible] = np.where(scaled > 0, np.log1p(np.maximum(scaled, 0)), scaled)
    worst = found[is_feasible].max() if is_feasible.any() else 0.0
    is_infeasible = is_known & ~is_feasible
    found[is_infeasible] = worst + np.log1p(violations[is_infeasible])
    found[~is_known] = found[is_known].max() if is_known.any() else 0.0
    deviation = found.std()
    return (found - found.mean()) / (deviation if deviation > 0 else 1.0)
