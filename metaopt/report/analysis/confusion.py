"""Pairs of classes that are confused most often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Confusion:
    """Images of one class that are predicted as another.

    Attributes:
        true: name of their class.
        predicted: name of the predicted class.
        count: number of these images.
        images: number of all images of their class.
    """

    true: str
    predicted: str
    count: int
    images: int


def find_confusions(counts: npt.NDArray[np.int64], names: Sequence[str], most: int = 10) -> list[Confusion]:
    """Return the pairs of classes that are confused most often, the most frequent first.

    Args:
        counts: see ``head_scores.count_confusion``; the last column has the images without an answer.
        names: names of the classes.
        most: number of pairs, at most.
    """
    wrong = counts[:, :-1].copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order, wrong.shape)
    return [
        Confusion(names[row], names[column], int(wrong[row, column]), int(counts[row].sum()))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if wrong[row, column]
    ]
