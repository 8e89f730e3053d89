"""Learning-rate schedule: cosine annealing with warm restarts, as a function of the optimizer's step count.

The step count is part of the optimizer's state, so a resumed training has the learning rates of one that was never
paused.
"""

from collections.abc import Sequence
from math import pi
from typing import Any

import keras
import numpy as np


class CosineCycles(keras.optimizers.schedules.LearningRateSchedule):
    """Cosine annealing with warm restarts (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, with a lowest rate of 0).

    In each cycle the learning rate falls along half a cosine, from the initial rate at the first step to nearly 0 at
    the last one. The next cycle restarts at the initial rate. After the last cycle the rate is 0.

    Args:
        rate: initial learning rate.
        steps: steps per epoch, 1 or more.
        ends: epochs after which the cycles end, ascending, the first one above 0.

    Raises:
        ValueError: ``steps`` is below 1, or ``ends`` is empty or not ascending.
    """

    def __init__(self, rate: float, steps: int, ends: Sequence[int]) -> None:
        lengths = np.diff([0, *ends])
        if steps < 1 or not len(lengths) or min(lengths) < 1:
            raise ValueError(
                f"Invalid values for steps and ends: {steps}, {tuple(ends)}. Expected an integer >= 1 and ascending"
                " epochs >= 1."
            )
        self.rate, self.steps, self.ends = float(rate), int(steps), tuple(ends)
        self._starts = (np.cumsum(lengths) - lengths) * steps  # in steps, as everything below
        self._lengths = lengths * steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate after ``step`` steps, float32."""
        ops = keras.ops
        started = ops.cast(ops.convert_to_tensor(step), "int32") >= ops.convert_to_tensor(self._starts[1:], "int32")
        cycle = ops.sum(ops.cast(started, "int32"))
        # Subtracted as integers, because float32 cannot represent all step counts above 16.8 million.
        within = ops.cast(step, "int32") - ops.take(ops.convert_to_tensor(self._starts, "int32"), cycle)
        length = ops.take(ops.convert_to_tensor(self._lengths, "float32"), cycle)
        share = ops.minimum(ops.cast(within, "float32") / length, 1.0)
        return self.rate / 2 * (1 + ops.cos(pi * share))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"rate": self.rate, "steps": self.steps, "ends": list(self.ends)}
