"""Epochs of a member of an evolution while training: those of any trial, with another validation."""

import math
from typing import Any

from metaopt.training.epoch_loop import EpochLoop


class EvolvingLoop(EpochLoop):
    """Keras callback that validates by the loss of the user's model; everything else is as in ``EpochLoop``."""

    def _measure(self, logs: dict[str, Any], validation: Any) -> dict[str, float]:
        """Return the epoch's metrics, without validation where the training loss is not finite."""
        loss = float(logs["loss"])
        return {"loss": loss, **(validation.measure(self.model) if math.isfinite(loss) else {})}
