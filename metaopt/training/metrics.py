"""Metrics of an epoch, computed from predictions and targets alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.outputs import ClassOutput, Output
from metaopt.outputs.class_metrics import (
    Labels,
    Probabilities,
    accuracy,
    as_probabilities,
    cross_entropy,
    macro_precision,
    top_k,
)

__all__ = [
    "METRICS",
    "Labels",
    "Probabilities",
    "accuracy",
    "as_probabilities",
    "cross_entropy",
    "macro_precision",
    "top_k",
    "validation_metrics",
]

METRICS = (
    "loss",
    "train",
    "val_total_loss",
    "val_loss",
    "val_accuracy",
    "val_top3",
    "val_precision",
    "val_balanced_accuracy",
    "val_f1",
)
"""Names of the metrics of an epoch of a classifier, apart from those that have the name of a head."""


@np.errstate(all="ignore")
def validation_metrics(
    predictions: Mapping[str, npt.NDArray[Any]],
    targets: Mapping[str, npt.NDArray[Any]],
    outputs: Mapping[str, Output] | None = None,
) -> dict[str, float]:
    """Compute the metrics of a validation split.

    Args:
        predictions: head → predictions in the terms of the targets, see ``Output.decode``; the first head first.
        targets: head → ``(n, …)``.
        outputs: head → output; None where every head has classes.

    Returns:
        ``val_<metric>`` for each metric of the first head, see ``Output.measure``; with several heads each one's
        ``val_<head>_<metric>`` besides.
    """
    kinds = outputs or {head: ClassOutput.of(values.shape[1]) for head, values in predictions.items()}
    head = next(iter(predictions))
    metrics = {f"val_{name}": value for name, value in kinds[head].measure(predictions[head], targets[head]).items()}
    if len(predictions) > 1:
        for name, values in predictions.items():
            measured = kinds[name].measure_briefly(values, targets[name])
            metrics |= {f"val_{name}_{metric}": value for metric, value in measured.items()}
    return metrics


def metric_names(outputs: Mapping[str, Output]) -> tuple[str, ...]:
    """Return the names of all metrics of an epoch: those of the training, and those of ``validation_metrics``."""
    first = next(iter(outputs))
    names = ["loss", "train", "val_total_loss", *(f"val_{each}" for each in outputs[first].metrics)]
    if len(outputs) > 1:
        names += [f"val_{head}_{each}" for head, output in outputs.items() for each in output.brief_metrics]
    return tuple(names)
