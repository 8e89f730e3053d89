"""Activations of the layers of a model: which they are, which compute an output, and how they are exchanged."""

from collections.abc import Callable
from typing import Any

import keras

from metaopt.evolving.activations import HIDDEN
from metaopt.training.evolving.layer_configs import LayerConfig, Path

# Layers that are an activation, and its name where they have no other arguments.
_LAYERS = {"ReLU": "relu", "ELU": "elu", "LeakyReLU": "leaky_relu"}
# Activations of Keras that act on each number alone, so that another one can take their place.
ELEMENTWISE = frozenset(
    (
        *HIDDEN,
        *("leaky_relu", "softplus", "softsign", "hard_silu", "mish", "celu", "exponential", "log_sigmoid"),
        *("hard_shrink", "tanh_shrink", "squareplus", "sparse_plus", "linear"),
    )
)


def find_activation(layer: LayerConfig) -> str | None:
    """Return the name of a layer's activation; None for a layer without one; "" for one that is no name."""
    if layer.kind in _LAYERS:
        is_capped = layer.kind == "ReLU" and layer.config.get("max_value") == 6
        return "relu6" if is_capped else _LAYERS[layer.kind]
    if layer.kind == "Softmax":
        return "softmax"
    if "activation" not in layer.config:
        return None
    activation = layer.config["activation"]
    if activation is None:
        return "linear"
    return activation if isinstance(activation, str) else ""


def exchange(activation: str) -> Callable[[dict[str, Any]], None]:
    """Return a function that gives a layer another activation, given its entry in the model's configuration."""

    def change(entry: dict[str, Any]) -> None:
        if entry["class_name"] in _LAYERS:
            kept = {name: entry["config"][name] for name in ("name", "trainable", "dtype") if name in entry["config"]}
            entry.update(module="keras.layers", class_name="Activation", config={**kept, "activation": activation})
            entry["registered_name"] = None
        else:
            entry["config"]["activation"] = activation

    return change


def output_names(model: keras.Model) -> list[str]:
    """Return the names of a model's outputs, in the order of ``keras.tree.flatten``.

    They are the keys of a dict of outputs, else the names of their layers; the output of a Sequential model has none.
    """
    outputs = None if isinstance(model, keras.Sequential) else model.output
    if isinstance(outputs, dict) and not any(map(keras.tree.is_nested, outputs.values())):
        return keras.tree.flatten({name: name for name in outputs})
    return list(getattr(model, "output_names", None) or ["output"])


def find_output_layers(model: keras.Model) -> dict[str, list[Path]]:
    """Return name of each output → layers that compute it, through those without weights and activation."""
    names = output_names(model)
    tensors = keras.tree.flatten(model.outputs)
    return {name: _computing(tensor, ()) for name, tensor in zip(names, tensors, strict=False)}


def _computing(tensor: Any, path: Path) -> list[Path]:
    """Return the paths of the layers with an activation that a tensor comes from."""
    operation = tensor._keras_history.operation
    here = (*path, operation.name)
    if isinstance(operation, keras.Model):
        inner = keras.tree.flatten(operation.outputs)
        return [found for each in inner for found in _computing(each, here)]
    if hasattr(operation, "activation") or type(operation).__name__ in (*_LAYERS, "Softmax"):
        return [here]
    wrapped = getattr(operation, "layer", None)
    if wrapped is not None:
        return [here, (*here, wrapped.name)]
    if getattr(operation, "weights", None) or isinstance(operation, keras.layers.InputLayer):
        return []
    inputs = keras.tree.flatten(operation._inbound_nodes[0].input_tensors)
    return [found for each in inputs for found in _computing(each, path)]
