"""What a final model is worth: test scores with their intervals, and every limit of the study judged once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from metaopt import randomness
from metaopt.report.analysis.statistics import macro_precision_interval, wilson_interval
from metaopt.training.metrics import Labels, Probabilities, accuracy, cross_entropy, macro_precision, top_k
from metaopt.trials.constraints import Constraint

CONFIDENCE = 0.95
_RESAMPLES = 2000


@dataclass(frozen=True)
class Score:
    """A score on test images with its 95 % interval.

    Attributes:
        value: the score.
        low: the interval's lower end.
        high: its upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Judged:
    """A limit and what was measured.

    Attributes:
        limit: of the study.
        measured: the name of what was measured, e.g. ``test_precision`` for a limit on ``val_precision``.
        value: None if a final model has no such number.
    """

    limit: Constraint
    measured: str
    value: float | None

    @property
    def broken(self) -> bool:
        """Whether it is known to be broken."""
        return self.value is not None and self.limit.distance(self.value) > 0

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.limit} cannot be measured on a model that is handed out"
        said = f"{self.limit} is {'BROKEN' if self.broken else 'kept'}: {self.measured} is {_short(self.value)}"
        distance = self.limit.distance(self.value)
        return f"{said}, {_short(distance)} {'too much' if self.limit.upper else 'too little'}" if self.broken else said

    def as_json(self) -> dict[str, Any]:
        """For the file of measurements."""
        distance = None if self.value is None else self.limit.distance(self.value)
        return {"limit": str(self.limit), "measured": self.measured, "value": self.value, "distance": distance}


def measure(probabilities: Mapping[str, Probabilities], labels: Mapping[str, Labels]) -> dict[str, Score]:
    """Scores of a test part.

    Accuracy and top-3 have Wilson's interval, precision and cross-entropy a bootstrap percentile interval over images.
    They say how much the scores would vary over other test images, not over other trainings.

    Args:
        probabilities: head → ``(n, classes)``, the first head first.
        labels: head → ``(n,)``.

    Returns:
        ``test_accuracy``, ``test_top3`` (with four classes or more), ``test_precision`` (macro) and ``test_loss``
        (cross-entropy) of the first head; with several heads ``test_<head>_accuracy`` of the others besides.
    """
    first, *others = probabilities
    predicted, true = probabilities[first], np.asarray(labels[first])
    scores = {"test_accuracy": _share(accuracy(predicted, true), len(true))}
    if predicted.shape[1] > 3:
        scores["test_top3"] = _share(top_k(predicted, true, 3), len(true))
    scores["test_precision"] = _precision(predicted, true)
    scores["test_loss"] = _loss(predicted, true)
    for head in others:
        scores[f"test_{head}_accuracy"] = _share(accuracy(probabilities[head], labels[head]), len(true))
    return scores


def judge(limits: Sequence[Constraint], values: Mapping[str, float]) -> list[Judged]:
    """Every limit on what was measured; a limit on a validation metric is judged by its test metric."""
    judged = []
    for limit in limits:
        name = f"test_{limit.name.removeprefix('val_')}" if limit.name.startswith("val_") else limit.name
        judged.append(Judged(limit, name, values.get(name)))
    return judged


def score_lines(scores: Mapping[str, Score]) -> list[str]:
    """The scores as lines of a table."""
    names = {"test_top3": "top-3 accuracy", "test_precision": "precision (macro)", "test_loss": "cross-entropy"}
    titles = {name: names.get(name, name.removeprefix("test_").replace("_", " ")) for name in scores}
    width = max(map(len, titles.values()))
    return [
        f"{titles[name]:<{width}}  {score.value:.4f}  (95 % interval {score.low:.4f} to {score.high:.4f})"
        for name, score in scores.items()
    ]


def _share(value: float, n: int) -> Score:
    return Score(value, *wilson_interval(value, n, CONFIDENCE))


def _precision(predicted: Probabilities, true: Labels) -> Score:
    """Over all classes, as in the search: one that is neither there nor predicted counts as 0."""
    answers = predicted.argmax(axis=1)
    share = len(np.union1d(answers, true)) / predicted.shape[1]
    low, high = macro_precision_interval(true, answers, CONFIDENCE, _RESAMPLES)
    return Score(macro_precision(predicted, true), low * share, high * share)


def _loss(predicted: Probabilities, true: Labels) -> Score:
    value = cross_entropy(predicted, true)
    each = np.array([cross_entropy(predicted[row : row + 1], true[row : row + 1]) for row in range(len(true))])
    if np.ptp(each) == 0:  # also of a single image
        return Score(value, value, value)
    interval = stats.bootstrap(
        (each,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=max(1, 2_000_000 // len(each)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=randomness.generator(0, 0, "bootstrap"),
    ).confidence_interval
    return Score(value, float(interval.low), float(interval.high))


def _short(value: float) -> str:
    """A number for a sentence: counts as they are, scores with four digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
