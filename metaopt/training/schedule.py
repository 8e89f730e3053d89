"""The learning rate over a training: a function of the number of steps that the optimizer has made.

That number is part of the optimizer's state, so a training that pauses and goes on, in whatever process, has the rates
of one that did not pause.
"""

from collections.abc import Sequence
from math import pi
from typing import Any

import keras
import numpy as np


class CosineCycles(keras.optimizers.schedules.LearningRateSchedule):
    """Cosine annealing with warm restarts (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, with a lowest rate of 0).

    In each cycle the rate falls as half a cosine from its full value, at the cycle's first step, to nearly 0 at its
    last; the next cycle begins at the full value again. After the last cycle it is 0.

    Args:
        rate: the full learning rate.
        steps: steps in an epoch, 1 or more.
        ends: epochs after which a cycle ends, ascending, the first one above 0.

    Raises:
        ValueError: the ends are not so.
    """

    def __init__(self, rate: float, steps: int, ends: Sequence[int]) -> None:
        lengths = np.diff([0, *ends])
        if steps < 1 or not len(lengths) or min(lengths) < 1:
            raise ValueError(f"cycles end after {tuple(ends)} epochs of {steps} steps, which do not ascend from 1 on")
        self.rate, self.steps, self.ends = float(rate), int(steps), tuple(ends)
        self._begins = (np.cumsum(lengths) - lengths) * steps  # in steps, as all that follows
        self._lengths = lengths * steps

    def __call__(self, step: Any) -> Any:
        """The rate of the step that follows ``step`` steps, float32."""
        ops = keras.ops
        begun = ops.cast(ops.convert_to_tensor(step), "int32") >= ops.convert_to_tensor(self._begins[1:], "int32")
        cycle = ops.sum(ops.cast(begun, "int32"))
        # Counted from the cycle's own beginning while the numbers are whole, for float32 ends at 16.8 million.
        within = ops.cast(step, "int32") - ops.take(ops.convert_to_tensor(self._begins, "int32"), cycle)
        length = ops.take(ops.convert_to_tensor(self._lengths, "float32"), cycle)
        share = ops.minimum(ops.cast(within, "float32") / length, 1.0)
        return self.rate / 2 * (1 + ops.cos(pi * share))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"rate": self.rate, "steps": self.steps, "ends": list(self.ends)}
