"""Stratified splits: functions of the labels and a seed alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

HELD_OUT = 0.2
"""Fraction of the images held out for validation, and for testing if the data set has no test split."""

CALIBRATION = 0.1
"""Fraction of the training and validation images that the final training holds out where it tunes thresholds."""

CLASS_CALIBRATION = 0.2
"""The same where thresholds of classes must keep limits, which takes more images."""

VALIDATION_SEED = 1
TEST_SEED = 2
FOLD_SEED = 3
CALIBRATION_SEED = 4
"""Fixed and independent of the study's seed, so that searches with different seeds use the same validation images."""


def split_state(purpose: int, seed: int | None) -> int:
    """Return the random state of a split.

    Args:
        purpose: ``VALIDATION_SEED`` or ``FOLD_SEED``.
        seed: seed of the splits that the user chose, or None for the same splits in every study.
    """
    if seed is None:
        return purpose
    return int(np.random.SeedSequence((purpose, seed)).generate_state(1)[0]) % 2**31  # room for a class to be added


def hold_out(
    labels: npt.NDArray[Any], fraction: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Hold out a fraction of each class, so that every class occurs on both sides.

    Each class is split on its own: scikit-learn's stratification of all classes at once may leave a class of two or
    three images out of one side.

    Args:
        labels: ``(n,)``; of a class with a single image, the image is kept.
        fraction: fraction to hold out, in 0..1, rounded within each class to at least one image.
        seed: seed of the random split.

    Returns:
        The kept and the held-out indices, each in ascending order.
    """
    from sklearn.model_selection import train_test_split  # a quarter of the start of a command that splits nothing

    kept, held = [], []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) == 1:
            kept.append(rows)
            continue
        count = min(max(1, round(fraction * len(rows))), len(rows) - 1)
        keep, hold = train_test_split(rows, test_size=count, random_state=seed + int(label))
        kept.append(keep)
        held.append(hold)
    none = np.zeros(0, np.int64)
    return np.sort(np.concatenate([none, *kept])), np.sort(np.concatenate([none, *held]))


def stratified_folds(
    labels: npt.NDArray[Any], count: int, seed: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return the training and validation indices of stratified k-fold cross-validation.

    All training splits have the same size, so that one traced graph and one learning-rate schedule serve all folds.
    A larger training split is cut to the size of the smallest.

    Args:
        labels: ``(n,)``; each class must have at least ``count`` images, so that it occurs in every fold.
        count: number of folds, 2 or more.
        seed: seed of the random split.

    Returns:
        (training indices, validation indices) of each fold, each in ascending order.
    """
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    pairs = list(splitter.split(np.zeros(len(labels)), labels))
    size = min(len(train) for train, _ in pairs)
    return [(train[:size], validation) for train, validation in pairs]


def repeated_folds(
    labels: npt.NDArray[Any], count: int, repeats: int, seed: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return the training and validation indices of repeated stratified k-fold cross-validation.

    Each repeat shuffles anew. The first one has the folds of ``stratified_folds``, so that more repeats add folds and
    change none. The sizes of the splits are those of the first repeat: scikit-learn derives them from the classes.

    Args:
        labels: see ``stratified_folds``.
        count: number of folds of one repeat, 2 or more.
        repeats: number of repeats, 1 or more.
        seed: seed of the random splits.

    Returns:
        (training indices, validation indices) of each of the ``count * repeats`` folds, repeat after repeat.
    """
    return [
        fold
        for number in range(repeats)
        for fold in stratified_folds(labels, count, seed if number == 0 else _repeat_seed(seed, number))
    ]


def _repeat_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
