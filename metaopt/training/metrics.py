"""Classification metrics, computed from predicted probabilities and labels alone."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_score

Probabilities = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

METRICS = ("loss", "train", "val_total_loss", "val_loss", "val_accuracy", "val_top3", "val_precision")
"""Names of the metrics of an epoch that do not depend on the names of the heads; see ``validation_metrics``."""

_EPSILON = 1e-7  # as keras.config.epsilon(); clipping limits the cross-entropy of one image to 16.1


@np.errstate(all="ignore")
def validation_metrics(probabilities: Mapping[str, Probabilities], labels: Mapping[str, Labels]) -> dict[str, float]:
    """Compute the metrics of a validation split.

    Args:
        probabilities: head → ``(n, classes)``, the first head first.
        labels: head → ``(n,)``.

    Returns:
        ``val_loss`` (mean cross-entropy), ``val_accuracy``, ``val_top3`` (with four classes or more) and
        ``val_precision`` (macro) of the first head; with several heads each one's ``val_<head>_loss`` and
        ``val_<head>_accuracy`` besides.
    """
    head = next(iter(probabilities))
    predicted, true = probabilities[head], labels[head]
    metrics = {"val_loss": cross_entropy(predicted, true), "val_accuracy": accuracy(predicted, true)}
    if predicted.shape[1] > 3:
        metrics["val_top3"] = top_k(predicted, true, 3)
    metrics["val_precision"] = macro_precision(predicted, true)
    if len(probabilities) > 1:
        for name, each in probabilities.items():
            metrics[f"val_{name}_loss"] = cross_entropy(each, labels[name])
            metrics[f"val_{name}_accuracy"] = accuracy(each, labels[name])
    return metrics


def cross_entropy(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean of −log p(label) in nats, for ``probabilities`` ``(n, classes)`` and ``labels`` ``(n,)``."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(of_label, _EPSILON, 1.0)).mean())


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Return the share of images whose most probable class is the label."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def top_k(probabilities: Probabilities, labels: Labels, k: int) -> float:
    """Return the share of images whose label is among the ``k`` most probable classes.

    Among equally probable classes the lower index ranks first, as in ``argmax``. A network that predicts the same
    probability for every class is therefore not credited for ties.
    """
    rows = np.arange(len(labels))
    of_label = probabilities[rows, labels][:, None]
    is_lower_index = np.arange(probabilities.shape[1]) < labels[:, None]
    ranks_higher = (probabilities > of_label) | ((probabilities == of_label) & is_lower_index)
    return float((ranks_higher.sum(axis=1) < k).mean())


def macro_precision(probabilities: Probabilities, labels: Labels) -> float:
    """Return the macro-averaged precision; a class that is never predicted counts as 0."""
    classes = range(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    return float(precision_score(labels, predicted, labels=classes, average="macro", zero_division=0))


@np.errstate(all="ignore")  # a problem file may have made NumPy raise where an exponential underflows
def as_probabilities(predictions: npt.NDArray[np.floating]) -> Probabilities:
    """Return predictions ``(n, classes)`` as probabilities; values that do not sum to one are treated as logits."""
    predictions = predictions.astype(np.float32)
    # Outputs in bfloat16 and float16 sum to one within about 0.01.
    if (predictions >= 0).all() and np.allclose(predictions.sum(axis=1), 1, atol=0.02):
        return predictions
    exponentials = np.exp(predictions - predictions.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
