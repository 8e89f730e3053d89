"""Base class of outputs."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

Targets = npt.NDArray[Any]
"""Targets of one head, ``(n, …)``, in the terms of the user: class indices, 0 or 1, numbers, pixels."""

Predictions = npt.NDArray[Any]
"""Predictions of one head in the terms of its targets, ``(n, …)``, floats."""


class Output(ABC):
    """A kind of target of one head; immutable, comparable and picklable.

    ``Dense(output, activation="softmax")`` has the right number of units: an output converts to an integer.

    Attributes:
        kind: name of the kind.
        activation: activation of the last layer.
        metrics: names of what ``measure`` returns.
        brief_metrics: names of what ``measure_briefly`` returns.
        objective: the metric that is optimised by default.
    """

    kind: ClassVar[str]
    activation: ClassVar[str]
    metrics: tuple[str, ...]
    objective: ClassVar[str]

    @property
    def brief_metrics(self) -> tuple[str, ...]:
        """Names of what ``measure_briefly`` returns."""
        return self.metrics

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one image."""

    def __index__(self) -> int:
        """Return the number of units of a dense layer for this output."""
        return self.shape[0]

    @property
    def network_argument(self) -> "int | Output":
        """What the function ``network`` of a problem gets in ``classes``."""
        return self

    @abstractmethod
    def encode(self, targets: Targets) -> npt.NDArray[np.float32]:
        """Return the targets as the network is trained on them, as float32."""

    @abstractmethod
    def decode(self, outputs: npt.NDArray[np.floating]) -> Predictions:
        """Return outputs of the network, ``(n, *shape)``, as predictions in the terms of the targets."""

    @abstractmethod
    def measure(self, predictions: Predictions, targets: Targets) -> dict[str, float]:
        """Return metric → value over all images; ``loss`` is the mean of the training loss without weights."""

    def measure_briefly(self, predictions: Predictions, targets: Targets) -> dict[str, float]:
        """Return the metrics that are recorded for each of several heads."""
        return self.measure(predictions, targets)

    @abstractmethod
    def score_images(self, predictions: Predictions, targets: Targets) -> npt.NDArray[np.float64]:
        """Return a score of each image, ``(n,)``, more is better; their mean compares two models."""

    @abstractmethod
    def strata(self, targets: Targets) -> npt.NDArray[np.int64]:
        """Return a group of each image, ``(n,)``, whose shares a split keeps."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the output in JSON types, see ``read_output``."""

    def fitted(self, targets: Targets) -> "Output":  # noqa: ARG002
        """Return the output with what it learns from training targets, e.g. their mean."""
        return self
