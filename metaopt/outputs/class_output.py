"""Output with one of several classes."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from metaopt.outputs.class_metrics import (
    accuracy,
    as_probabilities,
    balanced_accuracy,
    cross_entropy,
    macro_f1,
    macro_precision,
    top_k,
)
from metaopt.outputs.output import Output, Predictions, Targets

NO_CLASS = -1
"""Answer to an image of which no class is predicted."""
NEVER = 1.0
"""Threshold of a class that is never predicted."""


@dataclass(frozen=True)
class ClassOutput(Output):
    """One of several classes: softmax with cross-entropy. Targets are class indices ``(n,)``.

    Attributes:
        names: names of the classes.
        thresholds: for each class the probability above which it is predicted where it is the most probable one; no
            class is predicted otherwise. A class with a threshold of 1 is never predicted. Empty for a prediction of
            every image. No metric uses them.
    """

    names: tuple[str, ...]
    thresholds: tuple[float, ...] = ()

    kind: ClassVar[str] = "classes"
    activation: ClassVar[str] = "softmax"
    objective: ClassVar[str] = "accuracy"

    @classmethod
    def of(cls, count: int) -> "ClassOutput":
        """Return the output for a number of classes, which are named by their index."""
        return cls(tuple(map(str, range(count))))

    @property
    def metrics(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of what ``measure`` returns; top-3 accuracy tells nothing about three classes."""
        names = ("loss", "accuracy", "top3", "precision", "balanced_accuracy", "f1")
        return names if len(self.names) > 3 else tuple(name for name in names if name != "top3")

    @property
    def brief_metrics(self) -> tuple[str, ...]:
        """See ``Output.brief_metrics``."""
        return ("loss", "accuracy")

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Output.shape``."""
        return (len(self.names),)

    @property
    def network_argument(self) -> int:
        """Return the number of classes."""
        return len(self.names)

    def encode(self, targets: Targets) -> npt.NDArray[np.float32]:
        """Return probabilities ``(n, classes)``; see also ``TrainingBatches``, which passes indices where it can."""
        return np.eye(len(self.names), dtype=np.float32)[targets]

    def decode(self, outputs: npt.NDArray[np.floating]) -> Predictions:
        """Return probabilities ``(n, classes)``."""
        return as_probabilities(outputs)

    def measure(self, predictions: Predictions, targets: Targets) -> dict[str, float]:
        """Return cross-entropy, accuracy, top-3 accuracy, macro precision, balanced accuracy and macro F1."""
        metrics = {"loss": cross_entropy(predictions, targets), "accuracy": accuracy(predictions, targets)}
        if predictions.shape[1] > 3:
            metrics["top3"] = top_k(predictions, targets, 3)
        metrics["precision"] = macro_precision(predictions, targets)
        metrics["balanced_accuracy"] = balanced_accuracy(predictions, targets)
        metrics["f1"] = macro_f1(predictions, targets)
        return metrics

    def measure_briefly(self, predictions: Predictions, targets: Targets) -> dict[str, float]:
        """Return cross-entropy and accuracy."""
        return {"loss": cross_entropy(predictions, targets), "accuracy": accuracy(predictions, targets)}

    def answer(self, predictions: Predictions) -> npt.NDArray[np.int64]:
        """Return the predicted class of each image, ``(n,)``; −1 where none is predicted, see ``thresholds``."""
        classes = predictions.argmax(axis=1).astype(np.int64)
        if not self.thresholds:
            return classes
        limits = np.array(self.thresholds, np.float32)[classes]
        passes = (predictions.max(axis=1).astype(np.float32) > limits) & (limits < NEVER)
        return np.where(passes, classes, NO_CLASS)

    def score_images(self, predictions: Predictions, targets: Targets) -> npt.NDArray[np.float64]:
        """Return 1 for each image whose most probable class is right, else 0."""
        return (predictions.argmax(axis=1) == targets).astype(np.float64)

    def strata(self, targets: Targets) -> npt.NDArray[np.int64]:
        """Return the classes."""
        return targets.astype(np.int64)

    def describe(self) -> dict[str, Any]:
        """See ``Output.describe``."""
        thresholds = {"thresholds": list(self.thresholds)} if self.thresholds else {}
        return {"kind": self.kind, "names": list(self.names), **thresholds}
