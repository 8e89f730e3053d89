"""What one epoch is worth: metrics on the whole validation set, from predicted probabilities and labels alone."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_score

Probabilities = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

METRICS = ("loss", "train", "val_total_loss", "val_loss", "val_accuracy", "val_top3", "val_precision")
"""Every metric that an epoch may have whatever its heads are called; ``validation_metrics`` says more on each."""

_SMALLEST = 1e-7  # keras.config.epsilon(): probabilities are clipped to it, so that one impossible label costs 16.1


def validation_metrics(probabilities: Mapping[str, Probabilities], labels: Mapping[str, Labels]) -> dict[str, float]:
    """The metrics of a validation set.

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
    """Mean of −log p(label) in nats, ``probabilities`` ``(n, classes)`` and ``labels`` ``(n,)``."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, _SMALLEST, 1.0)).mean())


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Share of images whose most probable class is the label."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def top_k(probabilities: Probabilities, labels: Labels, k: int) -> float:
    """Share of images whose label is among the ``k`` most probable classes.

    A class that is as probable as the label counts as more probable if its number is lower, as for ``argmax``; a
    network that answers the same for every class is not credited for ties.
    """
    rows = np.arange(len(labels))
    chosen = probabilities[rows, labels][:, None]
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    before = (probabilities > chosen) | ((probabilities == chosen) & earlier)
    return float((before.sum(axis=1) < k).mean())


def macro_precision(probabilities: Probabilities, labels: Labels) -> float:
    """Mean over all classes of the share of right answers among those that name the class; 0 where none does."""
    classes = range(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    return float(precision_score(labels, predicted, labels=classes, average="macro", zero_division=0))


def as_probabilities(predictions: npt.NDArray[np.floating]) -> Probabilities:
    """A head's predictions ``(n, classes)`` as probabilities; what does not sum to one is taken for logits."""
    predictions = predictions.astype(np.float32)
    # bfloat16 and float16 outputs sum to one within about a hundredth.
    if (predictions >= 0).all() and np.allclose(predictions.sum(axis=1), 1, atol=0.02):
        return predictions
    exponentials = np.exp(predictions - predictions.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
