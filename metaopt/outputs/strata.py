"""Groups of images whose shares a split keeps, for targets that are no classes."""

from typing import Any

import numpy as np
import numpy.typing as npt

MOST_STRATA = 10
SMALLEST_STRATUM = 10
"""Images of the smallest group, so that each split and each of up to ten folds has one of them."""


def quantile_strata(values: npt.NDArray[Any], most: int = MOST_STRATA) -> npt.NDArray[np.int64]:
    """Return groups of about equal size by rank, ``(n,)``; equal values are in one group, as far as ties allow."""
    count = max(1, min(most, len(values) // SMALLEST_STRATUM))
    if count == 1:
        return np.zeros(len(values), np.int64)
    bounds = np.unique(np.quantile(values, np.arange(1, count) / count))
    return merge_small(np.searchsorted(bounds, values, side="right").astype(np.int64))


def rarest_label_strata(targets: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the rarest of the labels of each image, 0 for an image without labels, ``(n,)``.

    A split that keeps the shares of these groups has every label on both sides, the rare ones above all, as the
    iterative stratification of Sechidis et al. 2011 (doi:10.1007/978-3-642-23808-6_10) that takes the rarest label
    first.

    Args:
        targets: ``(n, labels)`` of 0 and 1.
    """
    order = np.argsort(targets.sum(axis=0), kind="stable")  # the rarest first
    has = targets[:, order] > 0
    rarest = np.where(has.any(axis=1), order[has.argmax(axis=1)] + 1, 0)
    return merge_small(rarest.astype(np.int64))


def merge_small(strata: npt.NDArray[np.int64], smallest: int = SMALLEST_STRATUM) -> npt.NDArray[np.int64]:
    """Return groups 0, 1, … of which those with too few images are one; if it is still small, part of the largest."""
    names, index, counts = np.unique(strata, return_inverse=True, return_counts=True)
    is_small = counts < smallest
    if not is_small.any() or len(names) == 1:
        return index.astype(np.int64)
    is_too_small_together = counts[is_small].sum() < smallest
    target = int(counts.argmax()) if is_too_small_together else int(np.flatnonzero(is_small)[0])
    mapped = np.arange(len(names))
    mapped[is_small] = target
    return np.unique(mapped[index], return_inverse=True)[1].astype(np.int64)
