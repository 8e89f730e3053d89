"""Numbers of the figures of predictions: confusion, scores of labels, errors of numbers, quality of images."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.report.analysis.head_predictions import (
    ClassPredictions,
    HeadPredictions,
    ImagePredictions,
    LabelPredictions,
    NumberPredictions,
)
from metaopt.report.analysis.statistics import wilson_interval


@dataclass(frozen=True)
class ShareOf:
    """A share of images with Wilson's 95 % interval; NaN of no images."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The share."""
        return self.hits / self.total if self.total else np.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Its interval; 0..1 of no images."""
        return wilson_interval(self.value, self.total) if self.total else (0.0, 1.0)


@dataclass(frozen=True)
class LabelScore:
    """Scores of one label on the test images.

    Attributes:
        name: the label.
        images: number of images that have it.
        threshold: probability from which on it is predicted.
        precision: of the images that are predicted to have it, the share that do.
        recall: of the images that have it, the share that are predicted to.
        average_precision: as in scikit-learn; NaN where no image has it.
    """

    name: str
    images: int
    threshold: float
    precision: ShareOf
    recall: ShareOf
    average_precision: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 without hits."""
        total = self.precision.total + self.recall.total
        return 2 * self.precision.hits / total if total else 0.0


@dataclass(frozen=True)
class NumberScore:
    """Errors of one number over the test images, in its own unit.

    Attributes:
        name: the number.
        images: number of test images.
        mae: mean absolute error.
        rmse: root of the mean squared error.
        bias: mean of predicted − true.
        r2: 1 − Σ(t − p)² / Σ(t − t̄)²; NaN where all targets are equal.
    """

    name: str
    images: int
    mae: float
    rmse: float
    bias: float
    r2: float


def count_confusion(predictions: ClassPredictions) -> npt.NDArray[np.int64]:
    """Return the number of images of each true class (row) that are predicted as each class, ``(k, k + 1)``.

    The last column has the images without an answer.
    """
    k = len(predictions.output.names)
    columns = np.where(predictions.predicted < 0, k, predictions.predicted)
    counts = np.bincount(predictions.true.astype(np.int64) * (k + 1) + columns, minlength=k * (k + 1))
    return counts.reshape(k, k + 1)


def score_labels(predictions: LabelPredictions) -> list[LabelScore]:
    """Return the scores of each label."""
    from sklearn.metrics import average_precision_score  # takes a second to import

    output, true, predicted = predictions.output, predictions.true > 0, predictions.predicted
    scores = []
    for number, (name, threshold) in enumerate(
        zip(output.names, output.thresholds or (0.5,) * len(output.names), strict=True)
    ):
        has, found = true[:, number], predicted[:, number] >= threshold
        hits, images = int((has & found).sum()), int(has.sum())
        average = float(average_precision_score(has, predicted[:, number])) if images else np.nan
        scores.append(
            LabelScore(name, images, threshold, ShareOf(hits, int(found.sum())), ShareOf(hits, images), average)
        )
    return scores


def score_numbers(predictions: NumberPredictions) -> list[NumberScore]:
    """Return the errors of each number."""
    scores = []
    for number, name in enumerate(predictions.output.names):
        true = predictions.true[:, number].astype(np.float64)
        errors = predictions.predicted[:, number] - true
        spread = float(((true - true.mean()) ** 2).sum())
        r2 = 1 - float((errors**2).sum()) / spread if spread else np.nan
        rmse = float(np.sqrt((errors**2).mean()))
        scores.append(NumberScore(name, len(true), float(np.abs(errors).mean()), rmse, float(errors.mean()), r2))
    return scores


def table_of(predictions: HeadPredictions) -> str:
    """Return the numbers behind the figure of a head as CSV.

    The confusion of classes, the scores of labels, true and predicted numbers of each image, or the PSNR of each image.
    """
    match predictions:
        case ClassPredictions():
            names = predictions.output.names
            counts = count_confusion(predictions)
            rows = [[name, *map(int, row)] for name, row in zip(names, counts, strict=True)]
            return _as_csv(["true", *names, "no answer"], rows)
        case LabelPredictions():
            header = ["label", "images", "threshold", "precision", "low", "high", "recall", "low", "high"]
            scored = [
                [
                    *(each.name, each.images, each.threshold, each.precision.value, *each.precision.interval),
                    *(each.recall.value, *each.recall.interval, each.f1, each.average_precision),
                ]
                for each in score_labels(predictions)
            ]
            return _as_csv([*header, "f1", "average_precision"], scored)
        case NumberPredictions():
            names = predictions.output.names
            both = np.stack([predictions.true, predictions.predicted], axis=2).reshape(len(predictions.true), -1)
            header = ["image", *(f"{kind}_{name}" for name in names for kind in ("true", "predicted"))]
            return _as_csv(header, [[number, *row.tolist()] for number, row in enumerate(both)])
        case ImagePredictions():
            columns = [predictions.psnr, predictions.input_psnr]
            known = [each for each in columns if len(each)]
            header = ["image", "psnr", "input_psnr"][: 1 + len(known)]
            return _as_csv(header, [[number, *map(float, row)] for number, row in enumerate(zip(*known, strict=True))])


def _as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    for row in rows:
        table.writerow([f"{cell:.6g}" if isinstance(cell, float) and cell == cell else _plain(cell) for cell in row])
    return text.getvalue()


def _plain(cell: Any) -> Any:
    return "" if isinstance(cell, float) else cell
