"""Optimizers of a model under a configuration, and their state in that of another one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from metaopt.evolving.hyperparameters import LEARNING_RATE, MOMENTUM, OPTIMIZER, WEIGHT_DECAY, Configuration
from metaopt.evolving.optimizers import ADAMW, NADAM, SGD, SLOTS, find_shared_slots
from metaopt.training.compiling import NOT_DECAYED
from metaopt.training.schedule import find_schedule
from metaopt.training.variables import Arrays

_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")  # arguments that any optimizer takes over
_BEFORE_SLOTS = ("iteration", "learning_rate")
_LONG = 1000  # steps after which that product is 0


@keras.saving.register_keras_serializable("metaopt")
class ScaledSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning-rate schedule times a factor.

    Args:
        schedule: the schedule.
        factor: the factor.
    """

    def __init__(self, schedule: Any, factor: float) -> None:
        self.schedule, self.factor = schedule, factor

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        return self.schedule(step) * self.factor

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"schedule": keras.saving.serialize_keras_object(self.schedule), "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ScaledSchedule":
        """Return the schedule of a configuration."""
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["factor"])


@dataclass(frozen=True)
class OwnOptimizer:
    """The optimizer that a user's model was compiled with.

    Attributes:
        kind: its class.
        config: its arguments.
        rate: its learning rate; that of the first step where a schedule decides it.
        schedule: its learning-rate schedule, or None.
    """

    kind: Any
    config: Mapping[str, Any]
    rate: float
    schedule: Any = None

    @classmethod
    def of(cls, optimizer: Any) -> "OwnOptimizer":
        """Return the description of an optimizer, below loss scaling."""
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            optimizer = optimizer.inner_optimizer
        schedule = find_schedule(optimizer)
        rate = optimizer.learning_rate if schedule is None else schedule(0)
        # As the user wrote it: the variable holds a rounded number.
        return cls(type(optimizer), optimizer.get_config(), _as_written(rate), schedule)

    @property
    def name(self) -> str:
        """Name of its class."""
        return self.kind.__name__

    @property
    def weight_decay(self) -> float:
        """Its decoupled weight decay; 0 without."""
        return float(self.config.get("weight_decay") or 0.0)

    @property
    def momentum(self) -> float:
        """Momentum of SGD; 0 for others."""
        return float(self.config.get("momentum") or 0.0) if self.name == SGD else 0.0

    def make(self, configuration: Configuration) -> Any:
        """Return a new optimizer for a configuration; it keeps the clipping of gradients of the user's."""
        name, rate, decay = str(configuration[OPTIMIZER]), float(configuration[LEARNING_RATE]), 0.0
        if WEIGHT_DECAY in configuration:
            decay = float(configuration[WEIGHT_DECAY])
        is_own = name == self.name
        options = dict(self.config) if is_own else {each: self.config.get(each) for each in _CLIPPING}
        options["learning_rate"] = self._scheduled(rate) if is_own else rate
        if name == ADAMW:  # None would be its default, 0.004, or an error
            options["weight_decay"] = decay
        elif is_own or decay:
            options["weight_decay"] = decay or None
        if name == SGD:
            options["momentum"] = float(configuration.get(MOMENTUM, 0.0))
        optimizer = self.kind.from_config(options) if is_own else getattr(keras.optimizers, name)(**options)
        if decay and not (is_own and decay == self.weight_decay):
            optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
        return optimizer

    def _scheduled(self, rate: float) -> Any:
        if self.schedule is None:
            return rate
        return self.schedule if rate == self.rate else ScaledSchedule(self.schedule, rate / self.rate)


def _as_written(rate: Any) -> float:
    """Return a float32 with the shortest digits that give it, e.g. 0.001 for 0.0010000000474974513."""
    return float(str(np.float32(keras.ops.convert_to_numpy(rate))))


def set_learning_rate(model: keras.Model, configuration: Configuration) -> None:
    """Set the learning rate of a configuration, unless a schedule computes it."""
    if find_schedule(model.optimizer) is None:
        model.optimizer.learning_rate = float(configuration[LEARNING_RATE])


def adopt_state(model: keras.Model, before: Any, arrays: Arrays) -> None:
    """Set the variables of an optimizer from the state of another one, as far as their slots hold the same.

    Where a slot of the new optimizer has no counterpart, it begins anew, at step 0.

    Args:
        model: model with its new optimizer, both built.
        before: the other optimizer, built for the same weights.
        arrays: state of the other one, in the order of its variables.
    """
    optimizer = _inner(model.optimizer)
    before = _inner(before)
    n_outer = len(arrays) - len(before.variables)  # the scale of the loss under mixed_float16
    if n_outer == len(model.optimizer.variables) - len(optimizer.variables):
        for variable, array in zip(model.optimizer.variables, arrays[:n_outer], strict=False):
            variable.assign(array)
    arrays = arrays[n_outer:]
    names = [variable.name for variable in before.variables]
    known = dict(zip(names, arrays, strict=True))
    shared = find_shared_slots(type(before).__name__, type(optimizer).__name__)
    is_same = type(before) is type(optimizer) and names == [variable.name for variable in optimizer.variables]
    steps = 0
    for variable in optimizer.variables:
        name = variable.name
        if name == _BEFORE_SLOTS[1]:
            continue
        source = name if is_same else _find_source(name, type(optimizer).__name__, shared or {})
        if (is_same or shared is not None) and source in known and known[source].shape == tuple(variable.shape):
            variable.assign(known[source])
            steps = int(known[_BEFORE_SLOTS[0]])
        elif variable is not _find_product(optimizer):
            variable.assign(
                np.zeros(variable.shape, variable.numpy().dtype if hasattr(variable, "numpy") else "float32")
            )
    if type(optimizer).__name__ == NADAM and not is_same:
        _set_product(optimizer, steps)


def _find_source(name: str, kind: str, shared: Mapping[str, str]) -> str:
    """Return the name of the variable of the other optimizer that holds the same; "" if there is none."""
    if name == _BEFORE_SLOTS[0]:
        return name if shared else ""
    for slot in SLOTS.get(kind, {}):
        if name.endswith(f"_{slot}") and slot in shared:
            return name.removesuffix(slot) + shared[slot]
    return ""


def _set_product(optimizer: Any, steps: int) -> None:
    """Set the product of Nadam's momentum schedule after some steps, Π β₁ (1 − 0.96ᵗ / 2) in Keras (Dozat 2016)."""
    product = 1.0
    for step in range(1, min(steps, _LONG) + 1):
        product *= optimizer.beta_1 * (1.0 - 0.5 * 0.96**step)
    _find_product(optimizer).assign(product)


def _find_product(optimizer: Any) -> Any:
    """Return the variable with the product of Nadam's momentum schedule; None for other optimizers.

    Keras counts its name, as ``variable_1``, by the variables of the session.
    """
    return getattr(optimizer, "_u_product", None)


def _inner(optimizer: Any) -> Any:
    is_scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    return optimizer.inner_optimizer if is_scaled else optimizer
