"""A model of any format that predicts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metaopt.data.images import InputArray
from metaopt.training.metrics import Probabilities
from metaopt.training.model_file import ModelMetadata

BATCH_SIZE = 128
"""Default number of images that are predicted together."""


@dataclass(frozen=True)
class Runner:
    """A loaded model.

    Attributes:
        metadata: its metadata.
        predict_batch: function from a batch of inputs of the network's size to head → predictions, float32.
    """

    metadata: ModelMetadata
    predict_batch: Callable[[InputArray], dict[str, Probabilities]]

    def predict(self, inputs: InputArray, batch_size: int = BATCH_SIZE) -> dict[str, Probabilities]:
        """Return head → predictions ``(n, …)`` for inputs ``(n, …)``, any number of them."""
        starts = range(0, len(inputs), batch_size)
        parts = [self.predict_batch(inputs[start : start + batch_size]) for start in starts]
        return {
            head: np.concatenate([np.asarray(part[head], np.float32) for part in parts])
            for head in self.metadata.outputs
        }
