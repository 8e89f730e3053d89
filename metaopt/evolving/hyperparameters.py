"""Hyperparameters of a network's training configuration, as plain data, and their places in a search space."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperopt import hp

Value = str | float
Configuration = Mapping[str, Value]
"""Label → value of every hyperparameter of a network, e.g. ``{"optimizer": "Adam", "learning_rate": 0.001, …}``."""

# Kinds, which are also the labels of those that a network has once.
OPTIMIZER, LEARNING_RATE, MOMENTUM = "optimizer", "learning_rate", "momentum"
BATCH_SIZE, WEIGHT_DECAY, L2, LABEL_SMOOTHING = "batch_size", "weight_decay", "l2", "label_smoothing"
AUGMENTATION, ACTIVATION, DROPOUT = "augmentation", "activation", "dropout"

# Kind → (lowest, highest) value; a logarithmic prior where the lowest is above 0.
RANGES: dict[str, tuple[float, float]] = {
    LEARNING_RATE: (1e-8, 10.0),
    MOMENTUM: (0.0, 0.999),
    WEIGHT_DECAY: (0.0, 0.5),
    L2: (0.0, 0.1),
    LABEL_SMOOTHING: (0.0, 0.5),
    AUGMENTATION: (0.125, 4.0),
    DROPOUT: (0.0, 0.9),
}
_SHOWN = {L2: "L2"}  # others in words: without underscores


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter of a network.

    Attributes:
        kind: e.g. ``"activation"``.
        initial: its value in the user's model.
        options: the values that it may take, the initial one among them, for texts; empty for numbers.
        layer: name of the layer that it belongs to; None for one of the whole network.
        low: smallest number.
        high: largest number.
    """

    kind: str
    initial: Value
    options: tuple[str, ...] = ()
    layer: str | None = None
    low: float = 0.0
    high: float = 1.0

    @property
    def label(self) -> str:
        """Its label in configurations and in the search space."""
        return self.kind if self.layer is None else f"{self.kind}_{self.layer}"

    @property
    def name(self) -> str:
        """Its name in sentences, e.g. ``"activation of dense_1"``."""
        name = _SHOWN.get(self.kind, self.kind.replace("_", " "))
        return name if self.layer is None else f"{name} of {self.layer}"

    @property
    def is_integer(self) -> bool:
        """Whether its values are integers."""
        return self.kind == BATCH_SIZE

    def clip(self, value: float) -> float:
        """Return a number within the bounds, an integer where it must be one."""
        clipped = min(max(value, self.low), self.high)
        return round(clipped) if self.is_integer else clipped

    def expression(self) -> Any:
        """Return its hyperopt expression."""
        if self.options:
            return hp.choice(self.label, list(self.options))
        if self.low > 0:
            # An initial value beyond the bounds is no error: the space only describes what mutations reach.
            low, high = math.log(self.low), math.log(max(self.high, self.low * 2))
            return hp.qloguniform(self.label, low, high, 1) if self.is_integer else hp.loguniform(self.label, low, high)
        return hp.uniform(self.label, self.low, self.high)

    def to_number(self, value: Value) -> float:
        """Return a value as the number that a draw of the space has: the index of an option.

        Raises:
            ValueError: It is no option, or no finite number.
        """
        if self.options:
            if value not in self.options:
                raise ValueError(f"the {self.name} is {value!r}; expected one of {', '.join(self.options)}")
            return self.options.index(str(value))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"the {self.name} is {value!r}; expected a number")
        return int(value) if self.is_integer else float(value)
