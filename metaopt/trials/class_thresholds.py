"""Thresholds of classes, tuned on images that the network was not trained on, so that limits on classes hold.

A class is predicted where it is the most probable one and its probability is above its threshold; otherwise the model
abstains, as the classifiers with a reject option of Geifman and El-Yaniv, "Selective classification for deep neural
networks", 2017 (arXiv:1705.08500), from where the correction for several candidates is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.outputs import ClassOutput, Output
from metaopt.outputs.class_output import NEVER, NO_CLASS
from metaopt.trials.class_counts import find_class
from metaopt.trials.constraints import Constraint
from metaopt.trials.proportion_bounds import images_needed, lower_bound
from metaopt.trials.share_limits import PRECISION

_CANDIDATES = 8
_SMALLEST_CANDIDATE = 0.75  # of the images that are predicted as the class; with more candidates it would be larger


@dataclass(frozen=True)
class CalibratedLimit:
    """A limit on a class at the threshold of the class, on the calibration images.

    Attributes:
        constraint: the limit.
        threshold: threshold of the class.
        hits: images of the class that are predicted as it.
        total: images predicted as the class for a precision, images of the class for a recall.
        value: the precision or recall, or its lower confidence bound; None for the precision of a class that is never
            predicted.
    """

    constraint: Constraint
    threshold: float
    hits: int
    total: int
    value: float | None

    @property
    def is_kept(self) -> bool:
        """Whether the limit holds; a precision also does where the class is never predicted."""
        return self.value is None or self.constraint.distance(self.value) <= 0

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the model's metadata."""
        return {
            "limit": str(self.constraint),
            "threshold": self.threshold,
            "hits": self.hits,
            "total": self.total,
            "value": self.value,
            "kept": self.is_kept,
        }


@dataclass(frozen=True)
class Calibration:
    """Result of tuning thresholds of classes.

    Attributes:
        images: number of calibration images, on which the network was not trained.
        answered: head with thresholds → number of these images of which a class is predicted.
        limits: every limit on a class at its threshold.
    """

    images: int
    answered: dict[str, int]
    limits: list[CalibratedLimit]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the model's metadata."""
        return {"images": self.images, "answered": self.answered, "limits": [each.to_json() for each in self.limits]}


def is_calibrated(constraints: Iterable[Constraint]) -> bool:
    """Return whether a final training tunes thresholds of classes for some constraints."""
    return any(each.class_metric is not None for each in constraints)


def count_answers(outputs: Mapping[str, Output], predictions: Mapping[str, npt.NDArray[Any]]) -> dict[str, int]:
    """Return head → number of images of which a class is predicted, for the heads with thresholds of classes."""
    return {
        head: int(np.count_nonzero(output.answer(predictions[head]) != NO_CLASS))
        for head, output in outputs.items()
        if isinstance(output, ClassOutput) and output.thresholds
    }


def tune_classes(
    constraints: Iterable[Constraint],
    predictions: Mapping[str, npt.NDArray[Any]],
    targets: Mapping[str, npt.NDArray[Any]],
    outputs: Mapping[str, Output],
) -> tuple[dict[str, Output], list[CalibratedLimit]]:
    """Return the outputs with thresholds of the classes that constraints name, and those constraints on the images.

    Args:
        constraints: constraints of the study.
        predictions: head → probabilities ``(n, classes)``, or other predictions.
        targets: head → targets ``(n, …)``.
        outputs: head → output.
    """
    limits: dict[tuple[str, int], list[Constraint]] = {}
    for constraint in constraints:
        if constraint.class_metric is not None:
            limits.setdefault(find_class(constraint, outputs), []).append(constraint)
    tuned, calibrated = dict(outputs), []
    for (head, number), of_class in limits.items():
        output = tuned[head]
        assert isinstance(output, ClassOutput)
        probabilities = predictions[head].astype(np.float32)
        scores = np.where(probabilities.argmax(axis=1) == number, probabilities[:, number], np.float32(0))
        threshold, judged = tune_threshold(scores, targets[head] == number, of_class)
        thresholds = list(output.thresholds or (0.0,) * len(output.names))
        thresholds[number] = threshold
        tuned[head] = replace(output, thresholds=tuple(thresholds))
        calibrated += judged
    return tuned, calibrated


def tune_threshold(
    scores: npt.NDArray[np.float32], is_true: npt.NDArray[np.bool_], limits: Sequence[Constraint]
) -> tuple[float, list[CalibratedLimit]]:
    """Return the smallest threshold of a class at which each limit on its precision holds, and every limit there.

    The candidates are ranks among the images predicted as the class, the most probable first, which depend on the
    number of these images only. A candidate's threshold is the probability of the first image beyond it. Given that
    threshold, the images above it are independent draws of the images above it, so that the Clopper-Pearson bound of
    their precision is exact. With k candidates each is tested at 1 − (1 − confidence) / k (Bonferroni): the limit holds
    for whichever is chosen.

    A recall needs no correction: at confidence it is met by all thresholds below an order statistic of the images of
    the class, and that one event has the confidence (a tolerance limit; Wilks 1941, doi:10.1214/aoms/1177731788).

    Args:
        scores: probability of the class where it is the most probable one, else 0, ``(n,)``.
        is_true: whether an image has the class, ``(n,)``.
        limits: limits on precision and recall of the class.

    Returns:
        The threshold, and each limit with its value. The threshold is ``NEVER`` where no candidate keeps the limits.
    """
    order = np.flatnonzero(scores > 0)
    order = order[np.argsort(-scores[order], kind="stable")]
    ranked, hits = scores[order], np.concatenate([[0], np.cumsum(is_true[order])])
    precisions = [each for each in limits if _metric(each) == PRECISION]
    ranks, count = _candidates(len(ranked), precisions)
    value_of: Mapping[Constraint, float | None] = dict.fromkeys(precisions)
    threshold, predicted = NEVER, 0
    for rank in ranks:
        candidate = float(ranked[rank]) if rank < len(ranked) else 0.0
        above = int(np.searchsorted(-ranked, -np.float32(candidate)))  # equal probabilities share a side
        values = {each: _bound(int(hits[above]), above, each.confidence, count) for each in precisions}
        if above and all(each.distance(value) <= 0 for each, value in values.items()):
            threshold, predicted, value_of = candidate, above, values
            break
    if not precisions:
        threshold, predicted = 0.0, len(ranked)
    n_true, n_hits = int(is_true.sum()), int(hits[predicted])
    calibrated = []
    for each in limits:
        is_precision = _metric(each) == PRECISION
        total = predicted if is_precision else n_true
        value = value_of[each] if is_precision else _bound(n_hits, n_true, each.confidence, 1)
        calibrated.append(CalibratedLimit(each, threshold, n_hits, total, value))
    return threshold, calibrated


def _metric(limit: Constraint) -> str:
    return "" if limit.class_metric is None else limit.class_metric[0]


def _bound(hits: int, total: int, confidence: float | None, count: int) -> float:
    if confidence is None:
        return hits / total if total else 0.0
    return lower_bound(hits, total, 1 - (1 - confidence) / count)


def _candidates(n: int, limits: Sequence[Constraint]) -> tuple[list[int], int]:
    """Return the numbers of images that may be above a threshold, descending, and how many the bounds correct for.

    Args:
        n: number of images predicted as the class.
        limits: limits on its precision.
    """
    confident = [each for each in limits if each.confidence is not None]
    if not confident:  # nothing is promised, so every image is a candidate
        return list(range(n, 0, -1)), 1
    for count in range(_CANDIDATES, 1, -1):
        least = max(images_needed(each.bound, 1 - (1 - (each.confidence or 0)) / count) for each in confident)
        if least <= _SMALLEST_CANDIDATE * n:
            ranks = np.unique(np.rint(np.geomspace(least, n, count)).astype(int))
            return ranks[::-1].tolist(), count
    return [n] if n else [], 1
