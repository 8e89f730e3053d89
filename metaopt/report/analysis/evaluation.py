"""Evaluation of a retrained model on the test images: scores with confidence intervals, and every constraint."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from metaopt import randomness
from metaopt.outputs import ClassOutput, ImageOutput, LabelOutput, Output
from metaopt.outputs.class_metrics import (
    Labels,
    Probabilities,
    accuracy,
    balanced_accuracy,
    cross_entropy,
    macro_f1,
    macro_precision,
    top_k,
)
from metaopt.report.analysis.statistics import balanced_intervals, macro_precision_interval, wilson_interval
from metaopt.trials.constraints import Constraint
from metaopt.trials.share_limits import find_counts, judge_share

CONFIDENCE = 0.95
_RESAMPLES = 2000
_LABEL_RESAMPLES = 500  # of average precision, each of which takes milliseconds


@dataclass(frozen=True)
class Score:
    """A score on test images with its 95 % confidence interval.

    Attributes:
        value: the score.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class on test images.

    Attributes:
        name: name of the class.
        images: number of test images of the class.
        precision: share of the images predicted as this class that are of it; 0 if none is predicted.
        recall: share of the images of this class that are predicted as it; 0 if it has none.
        f1: harmonic mean of precision and recall.
        predicted: number of test images predicted as this class.
    """

    name: str
    images: int
    precision: float
    recall: float
    f1: float
    predicted: int = 0

    @property
    def precision_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the precision; None if the class is never predicted."""
        return wilson_interval(self.precision, self.predicted, CONFIDENCE) if self.predicted else None

    @property
    def recall_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the recall; None without images of the class."""
        return wilson_interval(self.recall, self.images, CONFIDENCE) if self.images else None


@dataclass(frozen=True)
class JudgedConstraint:
    """A constraint of the study with the value that decides it.

    Attributes:
        constraint: the constraint.
        measured: name of the value, e.g. ``test_precision`` for a constraint on ``val_precision``.
        value: the value; None if a retrained model has none of that name, or never predicts the class of a precision.
        counts: (hits, total) behind the metric of a class or of all images, for a constraint that is judged by them.
        is_abstaining: whether the model never predicts the class of a precision, so that it makes no error of it.
    """

    constraint: Constraint
    measured: str
    value: float | None
    counts: tuple[int, int] | None = None
    is_abstaining: bool = False

    @property
    def is_violated(self) -> bool:
        """Whether the constraint is known to be violated."""
        return self.value is not None and self.constraint.distance(self.value) > 0

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the test log."""
        distance = None if self.value is None else self.constraint.distance(self.value)
        return {
            "limit": str(self.constraint),
            "measured": self.measured,
            "value": self.value,
            "distance": distance,
            **({} if self.counts is None else {"hits": self.counts[0], "total": self.counts[1]}),
        }


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def score_classes(probabilities: Probabilities, labels: Labels, names: Sequence[str]) -> list[ClassScore]:
    """Return the scores of each class of a head.

    Args:
        probabilities: ``(n, classes)``.
        labels: ``(n,)``.
        names: names of the classes.
    """
    from sklearn.metrics import precision_recall_fscore_support  # slow to import, and few commands score classes

    numbers = range(len(names))
    predicted = np.argmax(probabilities, axis=1)
    columns = precision_recall_fscore_support(np.asarray(labels), predicted, labels=numbers, zero_division=0.0)
    counts = np.bincount(predicted, minlength=len(names)).tolist()
    return [
        ClassScore(name, int(images), float(precision), float(recall), float(f1), count)
        for name, precision, recall, f1, images, count in zip(names, *columns, counts, strict=True)
    ]


@np.errstate(all="ignore")  # np.seterr(all="raise") in a user's code is meant for that code
def evaluate(
    probabilities: Mapping[str, Probabilities],
    labels: Mapping[str, Labels],
    outputs: Mapping[str, Output] | None = None,
) -> dict[str, Score]:
    """Return the scores on a test split.

    Accuracy and top-3 accuracy have Wilson's interval, precision and cross-entropy a bootstrap percentile interval over
    images. The intervals tell how much the scores would vary over other test images, not over other trainings.

    Args:
        probabilities: head → predictions, e.g. probabilities ``(n, classes)``; the first head first.
        labels: head → targets ``(n, …)``.
        outputs: head → output; None where every head has classes.

    Returns:
        ``test_accuracy``, ``test_top3`` (with four classes or more), ``test_precision`` (macro), ``test_loss``
        (cross-entropy), ``test_balanced_accuracy`` and ``test_f1`` of a first head with classes, else
        ``test_<metric>`` for each metric of its output; with several heads also ``test_<head>_accuracy``, or
        ``test_<head>_<metric>``, of the others.
    """
    first, *others = probabilities
    kinds = outputs or {}
    scores = _score_head(probabilities[first], np.asarray(labels[first]), kinds.get(first))
    for head in others:
        output, true = kinds.get(head), np.asarray(labels[head])
        if output is None or isinstance(output, ClassOutput):
            score = _proportion_score(accuracy(probabilities[head], true), len(true))
            scores[f"test_{head}_accuracy"] = score
        else:
            measured = _score_output(probabilities[head], true, output)
            scores |= {f"test_{head}_{metric}": score for metric, score in measured.items()}
    return scores


def _score_head(predicted: Probabilities, true: Labels, output: Output | None) -> dict[str, Score]:
    """Return the scores of the first head."""
    if output is not None and not isinstance(output, ClassOutput):
        return {f"test_{metric}": score for metric, score in _score_output(predicted, true, output).items()}
    scores = {"test_accuracy": _proportion_score(accuracy(predicted, true), len(true))}
    if predicted.shape[1] > 3:
        scores["test_top3"] = _proportion_score(top_k(predicted, true, 3), len(true))
    scores["test_precision"] = _precision_score(predicted, true)
    scores["test_loss"] = _loss_score(predicted, true)
    low, high = balanced_intervals(true, predicted.argmax(axis=1), predicted.shape[1], CONFIDENCE, _RESAMPLES)
    scores["test_balanced_accuracy"] = Score(balanced_accuracy(predicted, true), low[0], high[0])
    scores["test_f1"] = Score(macro_f1(predicted, true), low[1], high[1])
    return scores


def _score_output(predicted: Probabilities, true: Labels, output: Output) -> dict[str, Score]:
    """Return the metrics of an output without classes, with bootstrap percentile intervals over images."""
    values = output.measure(predicted, true)
    n = len(true)
    rng = randomness.make_generator(0, 0, "bootstrap")
    if isinstance(output, ImageOutput):
        each = {"loss": None, **output.measure_each(predicted, true)}
        each["loss"] = each["mse"]

        def measure(rows: npt.NDArray[np.int64]) -> dict[str, float]:
            return {name: float(column[rows].mean()) for name, column in each.items() if column is not None}
    else:

        def measure(rows: npt.NDArray[np.int64]) -> dict[str, float]:
            return output.measure(predicted[rows], true[rows])

    count = _LABEL_RESAMPLES if isinstance(output, LabelOutput) else _RESAMPLES
    drawn = [measure(rng.integers(0, n, n)) for _ in range(count)]
    tail = (1 - CONFIDENCE) / 2
    scores = {}
    for name, value in values.items():
        low, high = np.quantile([each[name] for each in drawn], [tail, 1 - tail])
        scores[name] = Score(value, float(low), float(high))
    return scores


def judge_constraints(
    constraints: Sequence[Constraint],
    values: Mapping[str, float],
    counts: Mapping[str, float] | None = None,
    never: Collection[str] = (),
) -> list[JudgedConstraint]:
    """Return every constraint with its value; one on a validation metric is judged by the test metric.

    Args:
        constraints: constraints of the study.
        values: counts of the model and its test scores.
        counts: counts of test images, see ``count_classes``.
        never: constraints on the precision of a class that the model never predicts, as text.
    """
    judged = []
    scores = {f"val_{name.removeprefix('test_')}": value for name, value in values.items() if name.startswith("test_")}
    for constraint in constraints:
        name = constraint.metric
        if name.startswith("val_") or constraint.class_metric is not None:
            name = f"test_{name.removeprefix('val_')}"
        if not constraint.needs_counts:
            judged.append(JudgedConstraint(constraint, name, values.get(name)))
            continue
        pairs = find_counts(constraint.name, {**scores, **(counts or {})})
        single = None
        if pairs is not None and len(pairs) == 1:
            hits, total = map(round, pairs[0])  # one test has whole counts
            single = hits, total
        is_abstaining = str(constraint) in never
        value = None if pairs is None or is_abstaining else judge_share(pairs, constraint.confidence)
        judged.append(JudgedConstraint(constraint, name, value, single, is_abstaining))
    return judged


def _proportion_score(value: float, n: int) -> Score:
    return Score(value, *wilson_interval(value, n, CONFIDENCE))


def _precision_score(predicted: Probabilities, true: Labels) -> Score:
    """Return the precision over all classes, as in the search: one that neither occurs nor is predicted counts as 0."""
    classes = predicted.argmax(axis=1)
    share = len(np.union1d(classes, true)) / predicted.shape[1]
    low, high = macro_precision_interval(true, classes, CONFIDENCE, _RESAMPLES)
    return Score(macro_precision(predicted, true), low * share, high * share)


def _loss_score(predicted: Probabilities, true: Labels) -> Score:
    value = cross_entropy(predicted, true)
    each = np.array([cross_entropy(predicted[row : row + 1], true[row : row + 1]) for row in range(len(true))])
    if np.ptp(each) == 0:  # also with a single image
        return Score(value, value, value)
    interval = stats.bootstrap(
        (each,),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=max(1, 2_000_000 // len(each)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=randomness.make_generator(0, 0, "bootstrap"),
    ).confidence_interval
    return Score(value, float(interval.low), float(interval.high))
