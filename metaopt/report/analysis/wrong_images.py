"""Images of a split that a model predicts worst."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput, Output

MOST = 24
_EPSILON = 1e-7  # as keras.config.epsilon()

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class WrongImage:
    """An image with a poor prediction.

    Attributes:
        row: its index in the split.
        true: its target as text.
        predicted: the prediction as text.
    """

    row: int
    true: str
    predicted: str


def find_wrong_images(output: Output, predicted: Array, true: Array, most: int = MOST) -> list[WrongImage]:
    """Return the images of the worst predictions, the worst first.

    Of classes, these are images whose most probable class is wrong, the most probable first. Of labels, those with the
    largest binary cross-entropy that have a wrong label. Of numbers, those with the largest error in standard
    deviations. Of images, those with the smallest PSNR.

    Args:
        output: output of the head.
        predicted: predictions ``(n, …)``.
        true: targets ``(n, …)``.
        most: number of images, at most.
    """
    true = np.asarray(true)
    match output:
        case ClassOutput():
            return _wrong_classes(output, predicted, true, most)
        case LabelOutput():
            return _wrong_labels(output, predicted, true, most)
        case NumberOutput():
            errors = np.abs(predicted - true) / np.array(output.scale or (1.0,) * true.shape[1])
            return [
                WrongImage(row, _numbers(true[row]), _numbers(predicted[row]))
                for row in _largest(errors.max(axis=1), most)
            ]
        case ImageOutput():
            ratios = output.score_images(predicted, true)
            return [WrongImage(row, "", f"PSNR {ratios[row]:.1f} dB") for row in _largest(-ratios, most)]
    raise TypeError(output.kind)


def _wrong_classes(output: ClassOutput, predicted: Array, true: Array, most: int) -> list[WrongImage]:
    classes = predicted.argmax(axis=1)
    rows = _largest(np.where(classes == true, -1.0, predicted.max(axis=1)), most)
    return [
        WrongImage(row, output.names[true[row]], f"{output.names[classes[row]]} {predicted[row].max():.2f}")
        for row in rows
        if classes[row] != true[row]
    ]


def _wrong_labels(output: LabelOutput, predicted: Array, true: Array, most: int) -> list[WrongImage]:
    is_true = true > 0
    is_predicted = predicted >= np.array(output.thresholds or (0.5,) * len(output.names))
    p = np.clip(predicted.astype(np.float64), _EPSILON, 1 - _EPSILON)
    losses = -np.where(is_true, np.log(p), np.log1p(-p)).mean(axis=1)
    losses[(is_true == is_predicted).all(axis=1)] = -1.0

    def names(flags: Array) -> str:
        return ", ".join(output.names[k] for k in np.flatnonzero(flags).tolist()) or "–"

    return [
        WrongImage(row, names(is_true[row]), names(is_predicted[row]))
        for row in _largest(losses, most)
        if losses[row] >= 0
    ]


def _numbers(values: Array) -> str:
    return ", ".join(f"{value:.4g}" for value in np.atleast_1d(values).tolist())


def _largest(values: Array, most: int) -> list[int]:
    """Return the indices of the largest values, descending; equal ones in their order."""
    return [int(row) for row in np.argsort(-values, kind="stable")[:most]]
