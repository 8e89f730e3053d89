"""Weights of Keras models that were made of the configuration of another one."""

from collections.abc import Sequence
from typing import Any


def set_all_weights(model: Any, weights: Sequence[Any]) -> None:
    """Set all weights of a Keras model.

    The layer ``Normalization`` computes with numbers that it derives from its weights when they are loaded from a file,
    but not when they are set.

    Args:
        model: the model.
        weights: arrays as of ``model.get_weights``.
    """
    model.set_weights(weights)
    for layer in model._flatten_layers(include_self=False):
        if hasattr(layer, "adapt_mean"):
            layer.finalize_state()
