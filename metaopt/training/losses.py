"""Losses of each kind of output, and the metric of the same value without weights."""

from typing import Any

import keras

from metaopt.outputs import Output
from metaopt.problems.training_config import Training

TRAIN = "train"
"""Name of the training metric: the loss of the first head without loss weights, penalties and label smoothing.

With mixup or CutMix it is computed on the mixed images and labels.
"""


def make_loss(output: Output, training: Training) -> Any:
    """Return the loss of an output for ``keras.Model.compile``."""
    match output.kind:
        case "classes":
            if training.has_soft_labels:
                return keras.losses.CategoricalCrossentropy(label_smoothing=training.label_smoothing)
            return "sparse_categorical_crossentropy"
        case "labels":
            return keras.losses.BinaryCrossentropy(label_smoothing=training.label_smoothing)
        case "image":
            return masked_mean_squared_error
        case _:
            return "mean_squared_error"


def make_metric(output: Output, training: Training) -> keras.metrics.Metric:
    """Return the training metric ``TRAIN`` of the first head."""
    match output.kind:
        case "classes" if training.has_soft_labels:
            return keras.metrics.CategoricalCrossentropy(name=TRAIN)
        case "classes":
            return keras.metrics.SparseCategoricalCrossentropy(name=TRAIN)
        case "labels":
            return keras.metrics.BinaryCrossentropy(name=TRAIN)
        case "image":
            return keras.metrics.MeanMetricWrapper(masked_mean_squared_error, name=TRAIN)
        case _:
            return keras.metrics.MeanSquaredError(name=TRAIN)


def masked_mean_squared_error(target: Any, predicted: Any) -> Any:
    """Return the squared error of each image, ``(n,)``, whose mean is that over the pixels of the batch that count.

    Args:
        target: ``(n, h, w, c)``, or ``(n, h, w, c + 1)`` with a mask of 0 and 1 as the last channel.
        predicted: ``(n, h, w, c)``.
    """
    channels = predicted.shape[-1]
    squares = keras.ops.square(keras.ops.cast(target[..., :channels], predicted.dtype) - predicted)
    if target.shape[-1] == channels:
        return keras.ops.mean(squares, axis=(1, 2, 3))
    mask = keras.ops.cast(target[..., channels:], predicted.dtype)
    counted = keras.ops.sum(mask, axis=(1, 2, 3)) * channels
    share = counted / keras.ops.maximum(keras.ops.mean(counted), 1e-7)
    means = keras.ops.sum(squares * mask, axis=(1, 2, 3)) / keras.ops.maximum(counted, 1)
    return means * share
