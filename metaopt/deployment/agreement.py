"""Agreement of a model of another format with its original, on the same inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, NumberOutput, Output

TOLERANCE = 1e-4
"""Largest difference of a prediction in 32 bits: of probabilities, of numbers in standard deviations, of pixels in
0..1."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Agreement:
    """Agreement of the predictions of one head.

    Attributes:
        images: number of inputs.
        same: number of inputs whose most probable class, or whose set of labels, is the same; None for numbers and
            images.
        largest: largest difference of a prediction, see ``TOLERANCE``.
        mean: mean difference.
    """

    images: int
    same: int | None
    largest: float
    mean: float

    @property
    def is_exact(self) -> bool:
        """Whether the models are equal within the tolerance."""
        return self.largest <= TOLERANCE and self.same in (None, self.images)


def compare_predictions(
    outputs: Mapping[str, Output], original: Mapping[str, Array], exported: Mapping[str, Array]
) -> dict[str, Agreement]:
    """Return head → agreement of predictions ``(n, …)`` of the same inputs."""
    return {head: _compare(output, original[head], exported[head]) for head, output in outputs.items()}


def _compare(output: Output, original: Array, exported: Array) -> Agreement:
    unit: Any = 1.0
    if isinstance(output, NumberOutput):
        unit = np.array(output.scale or (1.0,) * len(output.names))
    elif isinstance(output, ImageOutput):
        unit = 255.0
    differences = np.abs(exported.astype(np.float64) - original) / unit
    differences = np.where(np.isfinite(differences), differences, np.inf)
    same = None
    if isinstance(output, ClassOutput):
        same = int((exported.argmax(axis=1) == original.argmax(axis=1)).sum())
    elif isinstance(output, LabelOutput):
        thresholds = np.array(output.thresholds or (0.5,) * len(output.names))
        same = int(((exported >= thresholds) == (original >= thresholds)).all(axis=1).sum())
    return Agreement(len(original), same, float(differences.max(initial=0.0)), float(differences.mean()))


@dataclass(frozen=True)
class QualityLoss:
    """Quality of a head before and after quantisation, on images with targets.

    Attributes:
        metric: what is compared.
        before: value of the original.
        after: value of the quantised model.
        loss: how much worse the quantised model is; negative where it is better.
    """

    metric: str
    before: float
    after: float
    loss: float


def measure_loss(
    outputs: Mapping[str, Output],
    original: Mapping[str, Array],
    exported: Mapping[str, Array],
    targets: Mapping[str, Array],
) -> dict[str, QualityLoss]:
    """Return head → loss of quality: accuracy of classes, mean average precision of labels, MAE of numbers in standard
    deviations, MAE of pixels in 0..1.
    """
    found = {}
    for head, output in outputs.items():
        metric, sign = {"classes": ("accuracy", 1), "labels": ("map", 1)}.get(output.kind, ("mae", -1))
        aims = np.asarray(targets[head])
        before, after = (
            output.measure(*_in_deviations(output, predicted[head], aims))[metric] for predicted in (original, exported)
        )
        found[head] = QualityLoss(metric, before, after, sign * (before - after))
    return found


def _in_deviations(output: Output, *values: Array) -> tuple[Array, ...]:
    """Return numbers in their standard deviations, so that each counts the same whatever its unit; others unchanged."""
    if not isinstance(output, NumberOutput):
        return values
    return tuple(each / np.asarray(output.scale or 1.0) for each in values)
