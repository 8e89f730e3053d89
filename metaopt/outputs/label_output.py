"""Output with any number of several labels."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from metaopt.outputs.label_metrics import binary_cross_entropy, macro_f1, mean_average_precision, tune_thresholds
from metaopt.outputs.output import Output, Predictions, Targets
from metaopt.outputs.strata import rarest_label_strata


@dataclass(frozen=True)
class LabelOutput(Output):
    """Any of several labels: sigmoids with binary cross-entropy. Targets are 0 or 1, ``(n, labels)``.

    Attributes:
        names: names of the labels.
        thresholds: probability from which on each label is predicted; empty for thresholds that are tuned on the
            images that are measured, as in a search, whose F1 is therefore optimistic.
    """

    names: tuple[str, ...]
    thresholds: tuple[float, ...] = ()

    kind: ClassVar[str] = "labels"
    activation: ClassVar[str] = "sigmoid"
    metrics: ClassVar[tuple[str, ...]] = ("loss", "map", "f1")  # type: ignore[misc]
    objective: ClassVar[str] = "map"

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Output.shape``."""
        return (len(self.names),)

    def tuned(self, predictions: Predictions, targets: Targets) -> "LabelOutput":
        """Return the output with the thresholds that have the largest F1 on some images."""
        return replace(self, thresholds=tune_thresholds(predictions, targets))

    def encode(self, targets: Targets) -> npt.NDArray[np.float32]:
        """Return the targets as float32."""
        return targets.astype(np.float32)

    def decode(self, outputs: npt.NDArray[np.floating]) -> Predictions:
        """Return probabilities ``(n, labels)``."""
        return np.clip(outputs.astype(np.float32), 0.0, 1.0)

    def measure(self, predictions: Predictions, targets: Targets) -> dict[str, float]:
        """Return binary cross-entropy, mean average precision and macro F1."""
        thresholds = self.thresholds or tune_thresholds(predictions, targets)
        return {
            "loss": binary_cross_entropy(predictions, targets),
            "map": mean_average_precision(predictions, targets),
            "f1": macro_f1(predictions, targets, thresholds),
        }

    def score_images(self, predictions: Predictions, targets: Targets) -> npt.NDArray[np.float64]:
        """Return the share of labels that are right for each image (1 − Hamming loss)."""
        thresholds = np.array(self.thresholds or (0.5,) * len(self.names))
        return ((predictions >= thresholds) == (targets > 0)).mean(axis=1)

    def strata(self, targets: Targets) -> npt.NDArray[np.int64]:
        """Return the rarest label of each image."""
        return rarest_label_strata(targets)

    def describe(self) -> dict[str, Any]:
        """See ``Output.describe``."""
        return {"kind": self.kind, "names": list(self.names), "thresholds": list(self.thresholds)}
