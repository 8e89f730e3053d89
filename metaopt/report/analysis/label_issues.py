"""Suspicious labels, found by confident learning from out-of-fold probabilities.

Confident learning (Northcutt, Jiang & Chuang 2021, arXiv:1911.00068): the threshold of a class is the mean probability
that images with this label have for it. An image counts as one of the class that has the largest probability among
those above their thresholds. Where that is another class than its label, the label is suspicious. This is
``cleanlab.filter.find_label_issues(…, filter_by="confident_learning")``, whose numbers the tests compare; the package
is not used, as it needs pandas for these few lines.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LabelIssue:
    """A suspicious label.

    Attributes:
        row: index of the image.
        label: its class.
        likely: the class that it counts as.
        self_confidence: probability of its label, by which issues are ranked, the smallest first.
    """

    row: int
    label: int
    likely: int
    self_confidence: float


def find_label_issues(labels: Array, probabilities: Array) -> list[LabelIssue]:
    """Return the suspicious labels, that of the smallest self-confidence first.

    Args:
        labels: class of each image, ``(n,)``.
        probabilities: out-of-fold probabilities, ``(n, classes)``.
    """
    labels = np.asarray(labels)
    n, n_classes = probabilities.shape
    thresholds = np.array(
        [probabilities[labels == each, each].mean() if (labels == each).any() else np.inf for each in range(n_classes)]
    )
    above = np.where(probabilities >= thresholds, probabilities, -1.0)
    likely = above.argmax(axis=1)
    is_counted = above.max(axis=1) >= 0
    own = probabilities[np.arange(n), labels]
    rows = np.flatnonzero(is_counted & (likely != labels))
    ranked = rows[np.argsort(own[rows], kind="stable")]
    return [LabelIssue(int(row), int(labels[row]), int(likely[row]), float(own[row])) for row in ranked]
