"""Temperature scaling: the confidence of a model is adjusted on images that its networks were not trained on.

The logits are divided by one number T, which changes no most probable class of an image and no rank of a label (Guo et
al. 2017, "On calibration of modern neural networks", arXiv:1706.04599, section 4.2). Of a model that averages networks,
the logarithm of the mean is divided: the average is calibrated, not each network (Rahaman and Thiery 2021,
arXiv:2007.08792). T minimises the cross-entropy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from metaopt.outputs import ClassOutput, LabelOutput, Output
from metaopt.outputs.output import Predictions, Targets

SMALLEST_PROBABILITY = 1e-12
"""Probabilities are clipped to at least this before their logarithm."""
LABEL_MARGIN = 1e-7
"""Probabilities of labels are clipped to this and to 1 minus it."""
_LOG_BOUNDS = (np.log(0.05), np.log(20.0))
_TINY = 1e-300


@dataclass(frozen=True)
class TemperatureScaling:
    """Temperature of the probabilities of a head.

    Attributes:
        temperature: the temperature; above 1 the networks were too confident.
        loss_before: cross-entropy of the images that it was fitted on, at temperature 1.
        loss: cross-entropy of the same images at this temperature.
    """

    temperature: float
    loss_before: float
    loss: float


def has_probabilities(output: Output) -> bool:
    """Return whether the predictions of an output are probabilities, which have a temperature."""
    return isinstance(output, ClassOutput | LabelOutput)


def fit_temperatures(
    outputs: Mapping[str, Output], predictions: Mapping[str, Predictions], targets: Mapping[str, Targets]
) -> dict[str, float]:
    """Return head → temperature, for the heads with probabilities.

    Args:
        outputs: head → output.
        predictions: head → predictions ``(n, …)`` at temperature 1.
        targets: head → targets ``(n, …)``.
    """
    return {
        head: fit_temperature(output, predictions[head], np.asarray(targets[head]))
        for head, output in outputs.items()
        if has_probabilities(output)
    }


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def fit_temperature(output: Output, predicted: Predictions, true: Targets) -> float:
    """Return the temperature that minimises the cross-entropy, in 0.05..20.

    It is 1 where the images do not determine it: if every one is right, the cross-entropy falls down to a temperature
    of 0, at which the model would be certain of everything.
    """
    is_right = predicted.argmax(axis=1) == true if isinstance(output, ClassOutput) else (predicted > 0.5) == (true > 0)
    if is_right.all():
        return 1.0

    def loss(log_temperature: float) -> float:
        p = scale_probabilities(output, predicted, float(np.exp(log_temperature)))
        if isinstance(output, ClassOutput):
            return float(-np.log(np.maximum(p[np.arange(len(true)), true], _TINY)).mean())
        return float(-np.log(np.maximum(np.where(true > 0, p, 1 - p), _TINY)).mean())

    found = minimize_scalar(loss, bounds=_LOG_BOUNDS, method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def scale_probabilities(output: Output, predicted: Predictions, temperature: float) -> Predictions:
    """Return probabilities at another temperature, in float64, computed as by the layers of an exported model."""
    p = predicted.astype(np.float64)
    if isinstance(output, ClassOutput):
        logits = np.log(np.maximum(p, SMALLEST_PROBABILITY)) / temperature
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)
    p = np.clip(p, LABEL_MARGIN, 1 - LABEL_MARGIN)
    return 1 / (1 + ((1 - p) / p) ** (1 / temperature))
