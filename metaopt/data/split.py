"""Stratified splits: indices from labels and a seed, nothing else."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold, train_test_split

HELD_OUT = 0.2
"""The share that validation, and a missing test part, take."""

VALIDATION_SEED = 1
TEST_SEED = 2
FOLD_SEED = 3
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


def stratified_folds(
    labels: npt.NDArray[Any], count: int, seed: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Cuts into folds, each of which is once what the others are validated on.

    The training parts are of one size, so that one traced graph and one schedule of learning rates serve all of them: a
    part that would have an image more than another leaves one out.

    Args:
        labels: ``(n,)``; each class must occur at least ``count`` times, and is then in every fold.
        count: of folds, 2 or more.
        seed: of the draw.

    Returns:
        For each fold the indices to train on and those to validate with, each ascending.
    """
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    pairs = list(splitter.split(np.zeros(len(labels)), labels))
    size = min(len(train) for train, _ in pairs)
    return [(train[:size], validation) for train, validation in pairs]
