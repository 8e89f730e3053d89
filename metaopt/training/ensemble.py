"""Greedy selection of an ensemble from a library of models.

Caruana, Niculescu-Mizil, Crew and Ksikes 2004, "Ensemble selection from libraries of models"
(doi:10.1145/1015330.1015432): the model is added, again and again and with replacement, that improves the average most
on images that no model was trained on. How often a model was added is its weight.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.outputs import ClassOutput, LabelOutput, NumberOutput, Output
from metaopt.outputs.class_metrics import cross_entropy
from metaopt.outputs.label_metrics import binary_cross_entropy

_ROUNDS_PER_MODEL = 4

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Selection:
    """A selected ensemble.

    Attributes:
        weights: how often each model counts in the average; 0 for one that is left out.
        loss: loss of the average on the images of the selection, and therefore optimistic.
        alone: loss of each model alone on the same images.
    """

    weights: tuple[int, ...]
    loss: float
    alone: tuple[float, ...]


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def select_ensemble(output: Output, predictions: Sequence[Array], targets: Array) -> Selection:
    """Select the models whose average has the smallest loss: cross-entropy, MSE of numbers, or negated PSNR of images.

    Args:
        output: output of the head.
        predictions: predictions of each model ``(n, …)``.
        targets: targets ``(n, …)``.
    """
    alone = tuple(_loss(output, each, targets) for each in predictions)
    counts, total = np.zeros(len(predictions), int), np.zeros(predictions[0].shape, np.float64)
    best, best_counts = math.inf, counts
    for size in range(1, _ROUNDS_PER_MODEL * len(predictions) + 1):
        losses = [_loss(output, (total + each) / size, targets) for each in predictions]
        chosen = int(np.argmin(losses))  # of equal losses the first, which is the better trial
        counts, total = counts.copy(), total + predictions[chosen]
        counts[chosen] += 1
        if losses[chosen] < best:
            best, best_counts = losses[chosen], counts
    divisor = math.gcd(*best_counts.tolist())
    return Selection(tuple(int(count) // divisor for count in best_counts), best, alone)


def _loss(output: Output, predicted: Array, true: Array) -> float:
    match output:
        case ClassOutput():
            return cross_entropy(predicted, true)
        case LabelOutput():
            return binary_cross_entropy(predicted, true)
        case NumberOutput():
            return output.measure(predicted, true)["loss"]
    return -float(output.score_images(predicted, true).mean())
