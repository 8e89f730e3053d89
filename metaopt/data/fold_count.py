"""Number of folds and repeats for few images.

The accuracy on n validation images has a standard error of √(p (1 − p) / n). A hold-out split validates with a fifth of
the images, so below 2,000 the error of a network of 80 % is above 2 points. Folds validate with each image once, which
divides it by √5 at five times the cost; that of the choice among trials is what counts. Repeats shuffle the folds anew.
They reduce the part of the error that split and initial weights cause, which is largest for the fewest images.
``benchmarks/fold_count.py`` measures both, see docs/estimate.md.
"""

from typing import NamedTuple

import numpy as np

from metaopt.data.builtin import NAMES
from metaopt.data.dataset import DataSet
from metaopt.outputs import ClassOutput

FEW_IMAGES = 2000
"""Training and validation images below which trials are cross-validated by default."""

VERY_FEW_IMAGES = 500
"""The same, below which the folds are repeated."""

FOLDS, REPEATS = 5, 2


class FoldCount(NamedTuple):
    """Number of folds of one repeat, and number of repeats."""

    folds: int
    repeats: int


def choose_fold_count(data: DataSet) -> FoldCount:
    """Return the default number of folds and repeats for a data set.

    Built-in data sets keep their validation split, with which published figures compare. A class of few images has one
    in each fold, so there are at most as many folds; a class of one image excludes folds.
    """
    images = data.everything()
    if len(images) >= FEW_IMAGES or data.spec.data in NAMES:
        return FoldCount(1, 1)
    head, output = next(iter(data.outputs.items()))
    most = len(images)
    if isinstance(output, ClassOutput):
        most = int(np.bincount(output.strata(images.labels[head]), minlength=len(output.names)).min())
    folds = min(FOLDS, most)
    return FoldCount(folds, REPEATS if len(images) < VERY_FEW_IMAGES else 1) if folds > 1 else FoldCount(1, 1)
