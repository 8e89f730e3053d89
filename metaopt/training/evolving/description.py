"""Description of a compiled Keras model: the hyperparameters that may change while it trains."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from metaopt.evolving.activations import find_options
from metaopt.evolving.hyperparameters import (
    ACTIVATION,
    AUGMENTATION,
    BATCH_SIZE,
    DROPOUT,
    L2,
    LABEL_SMOOTHING,
    LEARNING_RATE,
    MOMENTUM,
    OPTIMIZER,
    RANGES,
    WEIGHT_DECAY,
    Hyperparameter,
)
from metaopt.evolving.network import Network
from metaopt.evolving.optimizers import RATES
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.training.evolving.activation_layers import ELEMENTWISE, find_activation, find_output_layers, output_names
from metaopt.training.evolving.layer_configs import LayerConfig, Path, find_layers, name_layers
from metaopt.training.evolving.losses import find_task, is_smoothable, smoothing_of
from metaopt.training.evolving.optimizers import OwnOptimizer

_DROPOUTS = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout")
_LEAST_DROPOUT = 0.01  # a layer without any lacks the state of its random generator
# Layer of augmentation → arguments that are its strength, and whether they are at most 1.
AUGMENTATIONS: dict[str, tuple[tuple[str, ...], bool]] = {
    "RandomRotation": (("factor",), True),
    "RandomTranslation": (("height_factor", "width_factor"), True),
    "RandomZoom": (("height_factor", "width_factor"), True),
    "RandomShear": (("x_factor", "y_factor"), True),
    "RandomContrast": (("factor",), True),
    "RandomBrightness": (("factor",), True),
    "GaussianNoise": (("stddev",), False),
}


@dataclass(frozen=True)
class Places:
    """Places of hyperparameters in the configuration of a model.

    Attributes:
        activations: label → path of the layer.
        dropouts: label → path of the layer.
        kernels: path of each layer with a penalty on its kernel → its own share of the largest, 0 to 1.
        augmentations: paths of the layers of augmentation.
    """

    activations: Mapping[str, Path]
    dropouts: Mapping[str, Path]
    kernels: Mapping[Path, float]
    augmentations: tuple[Path, ...]


def describe(
    model: keras.Model,
    config: dict[str, Any],
    optimizer: OwnOptimizer,
    batch_size: int,
    n_examples: int,
    policy: AugmentationPolicy | None = None,
) -> tuple[Network, Places]:
    """Return the hyperparameters of a model, and their places in its configuration.

    Args:
        model: a compiled and built model.
        config: its configuration.
        optimizer: its optimizer.
        batch_size: its batch size.
        n_examples: number of training examples, the largest batch.
        policy: augmentation of the training images outside of the model, whose strength changes as well, or None.
    """
    layers = list(find_layers(config))
    names = name_layers(layers)
    losses = losses_by_output(model)
    tasks = {name: find_task(loss) for name, loss in losses.items()}
    outputs = {
        path: tasks[name] for name, paths in find_output_layers(model).items() for path in paths if name in tasks
    }
    notes: list[str] = []
    activations = list(_activations(layers, names, outputs, notes))
    dropouts = [
        (layer.path, _number(DROPOUT, layer.config["rate"], names[layer.path], low=_LEAST_DROPOUT))
        for layer in layers
        if layer.kind in _DROPOUTS and layer.config["rate"]
    ]
    penalties = {layer.path: value for layer in layers if (value := _penalty(layer)) is not None}
    largest = max(penalties.values(), default=0.0)
    shares = {path: value / largest if largest else 1.0 for path, value in penalties.items()}
    augmentations = tuple(layer.path for layer in layers if layer.kind in AUGMENTATIONS)
    smoothable = [loss for loss in losses.values() if is_smoothable(loss)]
    others = sorted(name for name, task in tasks.items() if task == "other")
    if others:
        which = "The loss" if len(tasks) == 1 else f"The loss of {' and '.join(others)}"
        notes.append(
            f"{which} is none that metaopt knows: its output keeps its activation, and its labels are not smoothed."
        )
    batch = min(batch_size, n_examples)
    found = [
        *_of_optimizer(optimizer),
        Hyperparameter(BATCH_SIZE, batch, low=float(min(batch, 4, n_examples)), high=float(n_examples)),
        *([_number(L2, largest)] if penalties else []),
        *([_number(LABEL_SMOOTHING, smoothing_of(smoothable[0]))] if smoothable else []),
        *([_number(AUGMENTATION, 1.0)] if augmentations or policy is not None else []),
        *[each for _, each in activations],
        *[each for _, each in dropouts],
    ]
    places = Places(
        {each.label: path for path, each in activations},
        {each.label: path for path, each in dropouts},
        shares,
        augmentations,
    )
    return Network(tuple(found), tasks, tuple(notes)), places


def losses_by_output(model: keras.Model) -> dict[str, Any]:
    """Return name of each output → its loss."""
    names = output_names(model)
    if isinstance(model.loss, dict):
        return {name: model.loss.get(name) for name in names if model.loss.get(name) is not None}
    losses = keras.tree.flatten(model.loss)
    if len(losses) == 1:
        losses = losses * len(names)
    return {name: loss for name, loss in zip(names, losses, strict=False) if loss is not None}


def _of_optimizer(optimizer: OwnOptimizer) -> list[Hyperparameter]:
    options = tuple(dict.fromkeys((optimizer.name, *RATES)))
    return [
        Hyperparameter(OPTIMIZER, optimizer.name, options),
        _number(LEARNING_RATE, optimizer.rate),
        _number(MOMENTUM, optimizer.momentum),
        _number(WEIGHT_DECAY, optimizer.weight_decay),
    ]


def _activations(
    layers: list[LayerConfig], names: Mapping[Path, str], outputs: Mapping[Path, str], notes: list[str]
) -> Iterator[tuple[Path, Hyperparameter]]:
    """Yield the activations that have an alternative; note the layers that are left alone."""
    custom = []
    for layer in layers:
        activation = find_activation(layer)
        if activation == "":
            custom.append(names[layer.path])
        elif activation in ELEMENTWISE:
            options = find_options(activation, outputs.get(layer.path))
            if len(options) > 1:
                yield layer.path, Hyperparameter(ACTIVATION, activation, options, names[layer.path])
    if custom:
        which = "layer" if len(custom) == 1 else "layers"
        notes.append(f"The custom activation of the {which} {' and '.join(custom)} is left alone.")


def _penalty(layer: LayerConfig) -> float | None:
    """Return the L2 penalty on a layer's kernel, 0 without; None for a layer without kernel or with another penalty."""
    if "kernel_regularizer" not in layer.config:
        return None
    regularizer = layer.config["kernel_regularizer"]
    if regularizer is None:
        return 0.0
    if not isinstance(regularizer, dict) or regularizer.get("class_name") != "L2":
        return None
    value = regularizer["config"].get("l2")
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _number(kind: str, initial: float, layer: str | None = None, low: float | None = None) -> Hyperparameter:
    least, most = RANGES[kind]
    return Hyperparameter(kind, float(initial), (), layer, least if low is None else low, most)
