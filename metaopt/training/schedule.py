"""Learning-rate schedules: annealing in cycles with warm restarts, over steps or over training seconds.

The step count is part of the optimizer's state and the seconds are part of the history in a checkpoint, so a resumed
training has the learning rates of one that was never paused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf, pi
from typing import Any

import keras
import numpy as np

_HORIZON_S = 1e9  # seconds that the cycles of a growing length cover
_COOLDOWN = 0.2  # share of a cycle in which the rate falls, as Hägele et al. recommend


class AnnealedCycles(keras.optimizers.schedules.LearningRateSchedule):
    """Annealing with warm restarts, in cycles of epochs.

    In each cycle the learning rate falls from the initial rate at the first step to nearly 0 at the last one. The next
    cycle restarts at the initial rate. After the last cycle the rate is 0. The rate falls

    - along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, with a lowest rate of 0), or
    - linearly in the last fifth of the cycle, the cooldown, and is constant before (Hägele et al. 2024,
      arXiv:2405.18392).

    Args:
        rate: initial learning rate.
        steps: steps per epoch, 1 or more.
        ends: epochs after which the cycles end, ascending, the first one above 0.
        only_cooldown: whether the rate is constant until the cooldown.
        warmup_steps: steps in which the rate rises linearly from 0 at the beginning of the first cycle (Goyal et al.
            2017, arXiv:1706.02677, section 2.2).

    Raises:
        ValueError: ``steps`` is below 1, or ``ends`` is empty or not ascending.
    """

    def __init__(
        self, rate: float, steps: int, ends: Sequence[int], *, only_cooldown: bool = False, warmup_steps: int = 0
    ) -> None:
        lengths = np.diff([0, *ends])
        if steps < 1 or not len(lengths) or min(lengths) < 1:
            raise ValueError(
                f"Invalid values for steps and ends: {steps}, {tuple(ends)}. Expected an integer >= 1 and ascending"
                " epochs >= 1."
            )
        self.rate, self.steps, self.ends, self.only_cooldown = float(rate), int(steps), tuple(ends), only_cooldown
        self.warmup_steps = int(warmup_steps)
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
        if self.only_cooldown:
            rate = self.rate * ops.minimum((1 - share) / _COOLDOWN, 1.0)
        else:
            rate = self.rate / 2 * (1 + ops.cos(pi * share))
        if self.warmup_steps:
            rate = rate * ops.minimum((ops.cast(step, "float32") + 1) / self.warmup_steps, 1.0)
        return rate

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            "rate": self.rate,
            "steps": self.steps,
            "ends": list(self.ends),
            "only_cooldown": self.only_cooldown,
            "warmup_steps": self.warmup_steps,
        }


@dataclass(frozen=True)
class CyclesInSeconds:
    """Cycles of a learning rate whose position is the training seconds of a trial.

    Attributes:
        first_s: T_0, seconds of the first cycle, above 0.
        factor: T_mult, by which each cycle is longer than the one before, 1 or more.
    """

    first_s: float
    factor: int


class CosineRestarts(keras.optimizers.schedules.LearningRateSchedule):
    """Cosine annealing with warm restarts over training seconds, each cycle ``factor`` times as long as the one before.

    Loshchilov & Hutter 2017 (arXiv:1608.03983, eq. 5 with a lowest rate of 0, T_0 and T_mult); over seconds as in Zela
    et al. 2018 (arXiv:1807.06906), where T_0 is 400 s and T_mult 2.

    The position at the first step of an epoch is the sum of the recorded seconds of the epochs before. Within an epoch
    it advances evenly by the duration of the epoch before, and not at all in the first epoch. All rates are thus a
    function of recorded seconds, which a checkpoint stores, and not of the clock.

    Args:
        rate: initial learning rate of each cycle.
        cycles: lengths of the cycles.

    Raises:
        ValueError: a length is not above 0 and finite, or the factor is below 1.
    """

    def __init__(self, rate: float, cycles: CyclesInSeconds) -> None:
        if not 0 < cycles.first_s < inf or cycles.factor < 1:
            raise ValueError(
                f"Invalid values for first_s and factor: {cycles.first_s}, {cycles.factor}. Expected a number > 0 and"
                " an integer >= 1."
            )
        self.rate, self.cycles = float(rate), cycles
        lengths = [float(cycles.first_s)]
        while cycles.factor > 1 and sum(lengths) < _HORIZON_S:
            lengths.append(lengths[-1] * cycles.factor)
        self._lengths = np.array(lengths, np.float32)
        self._starts = np.cumsum([0.0, *lengths[:-1]]).astype(np.float32)
        self._variables: tuple[Any, ...] = ()

    def bind(self, optimizer: keras.optimizers.Optimizer) -> None:
        """Create the variables of the position as part of the optimizer's, which every backend passes to its steps."""
        position, advance = (optimizer.add_variable((), dtype="float32", name=name) for name in ("position", "advance"))
        self._variables = (position, advance, optimizer.add_variable((), dtype="int32", name="epoch_start"))
        self._optimizer = optimizer

    def begin_epoch(self, recorded_s: Sequence[float], steps: int) -> None:
        """Set the position at the first step of an epoch.

        Args:
            recorded_s: seconds of each epoch so far.
            steps: steps per epoch.
        """
        advance = recorded_s[-1] / steps if recorded_s else 0.0
        values = fsum(recorded_s), advance, int(keras.ops.convert_to_numpy(self._optimizer.iterations))
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step of the epoch that began last, float32."""
        ops = keras.ops
        position, advance, first = self._variables
        passed = ops.cast(ops.cast(step, "int32") - ops.convert_to_tensor(first), "float32")
        seconds = ops.convert_to_tensor(position) + passed * ops.convert_to_tensor(advance)
        return self.rate / 2 * (1 + ops.cos(pi * self._share(seconds)))

    def _share(self, seconds: Any) -> Any:
        """Return the elapsed share of the cycle at a position."""
        ops = keras.ops
        if self.cycles.factor == 1:
            turns = seconds / self.cycles.first_s
            return turns - ops.floor(turns)
        started = seconds >= ops.convert_to_tensor(self._starts[1:])
        cycle = ops.sum(ops.cast(started, "int32"))
        within = seconds - ops.take(ops.convert_to_tensor(self._starts), cycle)
        return ops.clip(within / ops.take(ops.convert_to_tensor(self._lengths), cycle), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"rate": self.rate, "cycles": self.cycles}


def find_schedule(optimizer: Any) -> keras.optimizers.schedules.LearningRateSchedule | None:
    """Return the learning-rate schedule of an optimizer, also below loss scaling; None for a constant rate."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    # Keras has no public name for the schedule; ``learning_rate`` is its value at the current step.
    schedule = optimizer._learning_rate
    return schedule if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule) else None
