"""Holm's correction of the p-values of several tests."""

from collections.abc import Sequence

import numpy as np

LEVEL = 0.05
"""Significance level: largest probability of one or more false positives in a family of tests."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, which control the probability of one or more false positives among all.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979): the
    i-th smallest of m, times m − i + 1, made monotone and at most 1.

    Args:
        p_values: (m,) in any order.

    Returns:
        The adjusted values in the same order.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (len(p) - np.arange(len(p)))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in adjusted]
