"""Output with one or several numbers."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from metaopt.outputs.output import Output, Predictions, Targets
from metaopt.outputs.strata import quantile_strata


@dataclass(frozen=True)
class NumberOutput(Output):
    """One number or several: a linear layer with the mean squared error. Targets are numbers ``(n, k)``.

    The network is trained on standardised targets, so that the loss of each number and of each unit weighs the same.

    Attributes:
        names: names of the numbers.
        mean: mean of each number over the training images.
        scale: standard deviation of each number over the training images; 1 for a constant.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    kind: ClassVar[str] = "number"
    activation: ClassVar[str] = "linear"
    metrics: ClassVar[tuple[str, ...]] = ("loss", "mse", "mae", "r2")  # type: ignore[misc]
    objective: ClassVar[str] = "mae"

    @property
    def shape(self) -> tuple[int, ...]:
        """See ``Output.shape``."""
        return (len(self.names),)

    def fitted(self, targets: Targets) -> "NumberOutput":
        """Return the output with the mean and the standard deviation of the targets."""
        values = targets.astype(np.float64)
        scale = values.std(axis=0)
        scale[~(scale > 0)] = 1.0
        return replace(self, mean=tuple(values.mean(axis=0).tolist()), scale=tuple(scale.tolist()))

    def encode(self, targets: Targets) -> npt.NDArray[np.float32]:
        """Return standardised targets ``(n, k)``."""
        return ((targets - self._mean) / self._scale).astype(np.float32)

    def decode(self, outputs: npt.NDArray[np.floating]) -> Predictions:
        """Return numbers ``(n, k)`` in the units of the targets."""
        return outputs.astype(np.float64) * self._scale + self._mean

    def measure(self, predictions: Predictions, targets: Targets) -> dict[str, float]:
        """Return the standardised MSE as ``loss``; MSE and MAE in the units of the targets; and R².

        Over several numbers each is a mean. R² is 1 − Σ(t − p)² / Σ(t − t̄)² for each number, and 0 for one that is
        constant, where it is not defined.
        """
        errors = predictions.astype(np.float64) - targets
        squares = (errors**2).sum(axis=0)
        total = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
        varies = total > 0
        r2 = np.where(varies, 1 - squares / np.where(varies, total, 1.0), 0.0)
        return {
            "loss": float(((errors / self._scale) ** 2).mean()),
            "mse": float((errors**2).mean()),
            "mae": float(np.abs(errors).mean()),
            "r2": float(r2.mean()),
        }

    def score_images(self, predictions: Predictions, targets: Targets) -> npt.NDArray[np.float64]:
        """Return the negated mean absolute error of each image."""
        return -np.abs(predictions.astype(np.float64) - targets).mean(axis=1)

    def strata(self, targets: Targets) -> npt.NDArray[np.int64]:
        """Return the tenth of the images by the first number to which each image belongs."""
        return quantile_strata(targets[:, 0])

    def describe(self) -> dict[str, Any]:
        """See ``Output.describe``."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "mean": list(self.mean),
            "scale": list(self.scale),
        }

    @property
    def _mean(self) -> npt.NDArray[np.float64]:
        return np.array(self.mean or (0.0,) * len(self.names))

    @property
    def _scale(self) -> npt.NDArray[np.float64]:
        return np.array(self.scale or (1.0,) * len(self.names))
