"""Stratified splits: indices from labels and a seed, nothing else."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

HELD_OUT = 0.2
"""The share that validation, and a missing test part, take."""

VALIDATION_SEED = 1
TEST_SEED = 2
"""Fixed, and apart from the study's seed: searches with other seeds are compared on the same validation images."""


def hold_out(
    labels: npt.NDArray[Any], fraction: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Splits so that each class keeps its share, and no class is missing on either side.

    Each class is split on its own: scikit-learn's stratification of all at once may leave a class of two or three
    images out of one side.

    Args:
        labels: ``(n,)``; each class that occurs must do so at least twice.
        fraction: the share to hold out, in 0..1, rounded within each class to at least one image.
        seed: of the draw.

    Returns:
        The kept and the held-out indices, each ascending.
    """
    kept, held = [], []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = min(max(1, round(fraction * len(rows))), len(rows) - 1)
        keep, hold = train_test_split(rows, test_size=count, random_state=seed + int(label))
        kept.append(keep)
        held.append(hold)
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(held))
