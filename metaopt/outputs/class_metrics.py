"""Classification metrics, computed from predicted probabilities and labels alone."""

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

_EPSILON = 1e-7  # as keras.config.epsilon(); clipping limits the cross-entropy of one image to 16.1


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
    from sklearn.metrics import precision_score  # takes a second to import

    classes = range(probabilities.shape[1])
    predicted = probabilities.argmax(axis=1)
    return float(precision_score(labels, predicted, labels=classes, average="macro", zero_division=0))


def macro_f1(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean over all classes of F1, the harmonic mean of precision and recall; 0 for a class without hits."""
    from sklearn.metrics import f1_score

    classes = range(probabilities.shape[1])
    return float(f1_score(labels, probabilities.argmax(axis=1), labels=classes, average="macro", zero_division=0))


def balanced_accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean recall of the classes that occur (Brodersen et al. 2010, doi:10.1109/ICPR.2010.764)."""
    is_right = probabilities.argmax(axis=1) == labels
    counts = np.bincount(labels)
    recalls = np.bincount(labels, weights=is_right)[counts > 0] / counts[counts > 0]
    return float(recalls.mean())


@np.errstate(all="ignore")  # a problem file may have made NumPy raise where an exponential underflows
def as_probabilities(predictions: npt.NDArray[np.floating]) -> Probabilities:
    """Return predictions ``(n, classes)`` as probabilities; values that do not sum to one are treated as logits."""
    predictions = predictions.astype(np.float32)
    # Outputs in bfloat16 and float16 sum to one within about 0.01.
    if (predictions >= 0).all() and np.allclose(predictions.sum(axis=1), 1, atol=0.02):
        return predictions
    exponentials = np.exp(predictions - predictions.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
