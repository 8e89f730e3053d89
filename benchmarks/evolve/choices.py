"""Choices of a training that all methods have: those that keep the weights of a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

ACTIVATIONS = (
    *("elu", "selu", "relu", "relu6", "gelu", "silu"),
    *("hard_sigmoid", "hard_tanh", "tanh", "sigmoid", "soft_shrink"),
)
# Learning rate of each optimizer; factors on it are searched, so that every method knows a sane rate of each.
RATES = {"SGD": 0.01, "Adam": 0.001, "AdamW": 0.001, "Nadam": 0.001, "RMSprop": 0.001, "Adadelta": 1.0, "Lion": 0.0003}
FACTORS = (1e-3, 10.0)
BATCH_SIZES = (8, 16, 32, 64, 128, 256)
SMOOTHINGS = (0.0, 0.05, 0.1, 0.2)
PENALTIES = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
MOMENTA = (0.0, 0.5, 0.9, 0.99)
MOST_DROPOUT = 0.6

Config = Mapping[str, Any]
"""Name → value of each choice."""


@dataclass(frozen=True)
class Choice:
    """One choice.

    Attributes:
        options: its values; empty for a number.
        low: smallest number.
        high: largest number.
        is_logarithmic: whether the scale of the number is logarithmic.
    """

    options: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 1.0
    is_logarithmic: bool = False

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw a value, uniform on its scale."""
        if self.options:
            return self.options[int(rng.integers(len(self.options)))]
        if self.is_logarithmic:
            return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(rng.uniform(self.low, self.high))


def list_choices(activations: tuple[str, ...], dropouts: tuple[str, ...], *, has_classes: bool) -> dict[str, Choice]:
    """Return the choices of a network by name.

    Args:
        activations: names of the layers with a hidden activation.
        dropouts: names of the dropout layers.
        has_classes: whether its targets are classes, whose labels can be smoothed.
    """
    choices = {
        "optimizer": Choice(tuple(RATES)),
        "factor": Choice(low=FACTORS[0], high=FACTORS[1], is_logarithmic=True),
        "momentum": Choice(MOMENTA),
        "batch_size": Choice(BATCH_SIZES),
        "l2": Choice(PENALTIES),
        "weight_decay": Choice(PENALTIES),
    }
    if has_classes:
        choices["label_smoothing"] = Choice(SMOOTHINGS)
    choices |= {f"activation_{name}": Choice(ACTIVATIONS) for name in activations}
    return choices | {f"dropout_{name}": Choice(high=MOST_DROPOUT) for name in dropouts}
