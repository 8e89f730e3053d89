"""Metrics of several labels per image, computed from probabilities ``(n, labels)`` and targets of 0 and 1."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_EPSILON = 1e-7  # as keras.config.epsilon()


def binary_cross_entropy(probabilities: Array, targets: Array) -> float:
    """Return the mean of −log p over all images and labels, where p is the probability of the target, in nats."""
    p = np.clip(probabilities.astype(np.float64), _EPSILON, 1 - _EPSILON)
    return float(-np.where(targets > 0, np.log(p), np.log1p(-p)).mean())


def mean_average_precision(probabilities: Array, targets: Array) -> float:
    """Return the mean over the labels that occur of the average precision, Σ (Rₖ − Rₖ₋₁) Pₖ, as in scikit-learn."""
    from sklearn.metrics import average_precision_score  # takes a second to import

    occurring = np.flatnonzero((targets > 0).any(axis=0))
    if not len(occurring):
        return 0.0
    return float(np.mean([average_precision_score(targets[:, k], probabilities[:, k]) for k in occurring]))


def tune_thresholds(probabilities: Array, targets: Array) -> tuple[float, ...]:
    """Return for each label the threshold with the largest F1; a probability >= the threshold predicts the label.

    Candidates are midpoints between neighbouring probabilities. A label that does not occur has a threshold of 1/2.
    """
    return tuple(_tune(probabilities[:, k].astype(np.float64), targets[:, k] > 0) for k in range(targets.shape[1]))


def _tune(probabilities: Array, is_positive: Array) -> float:
    n_positive = int(is_positive.sum())
    if not n_positive:
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    ranked, hits = probabilities[order], np.cumsum(is_positive[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + n_positive)
    is_boundary = np.append(ranked[:-1] > ranked[1:], True)  # equal probabilities are predicted together
    best = int(np.argmax(np.where(is_boundary, f1, -1.0)))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


def macro_f1(probabilities: Array, targets: Array, thresholds: tuple[float, ...]) -> float:
    """Return the mean over labels of F1 at the thresholds; 0 for a label without hits."""
    predicted, true = probabilities >= np.array(thresholds), targets > 0
    hits = (predicted & true).sum(axis=0)
    total = predicted.sum(axis=0) + true.sum(axis=0)
    return float(np.where(total > 0, 2 * hits / np.maximum(total, 1), 0.0).mean())
