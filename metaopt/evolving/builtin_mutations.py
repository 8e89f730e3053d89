"""The mutations of metaopt; each changes one thing."""

import math
from collections.abc import Sequence

import numpy as np

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
    WEIGHT_DECAY,
    Configuration,
    Hyperparameter,
)
from metaopt.evolving.mutation import mutation
from metaopt.evolving.network import Network
from metaopt.evolving.optimizers import ADAMW, ADAMW_DECAY, RATES, SGD, SGD_MOMENTUM

_FACTOR = 2.0  # largest factor on a learning rate, and of an augmentation
_SMALLEST, _FIRST = 1e-6, 1e-4  # of a penalty on weights: below it is 0, and with it one begins
_SMOOTHINGS = (0.0, 0.05, 0.1, 0.2)
_DROPOUT_STEP = 0.2


@mutation("optimizer")
def change_optimizer(network: Network, configuration: Configuration, rng: np.random.Generator) -> Configuration | None:
    """Draw another optimizer, which begins with its own learning rate; SGD has momentum."""
    own = network.by_label.get(OPTIMIZER)
    if own is None:
        return None
    names = [each for each in own.options if each in RATES and each != configuration[OPTIMIZER]]
    if not names:
        return None
    name = _draw(names, rng)
    changed = {**configuration, OPTIMIZER: name, LEARNING_RATE: RATES[name]}
    if name == SGD:
        changed[MOMENTUM] = SGD_MOMENTUM
    if name == ADAMW and not configuration[WEIGHT_DECAY]:
        changed[WEIGHT_DECAY] = ADAMW_DECAY
    return changed


@mutation("learning rate")
def scale_learning_rate(
    network: Network, configuration: Configuration, rng: np.random.Generator
) -> Configuration | None:
    """Multiply the learning rate by 0.5 to 2, uniform in its logarithm."""
    return _scaled(network, configuration, LEARNING_RATE, rng)


@mutation("momentum")
def change_momentum(network: Network, configuration: Configuration, rng: np.random.Generator) -> Configuration | None:
    """Double or halve the length of the memory of SGD, 1 / (1 − momentum); begin with 0.9."""
    if MOMENTUM not in network.by_label or configuration[OPTIMIZER] != SGD:
        return None
    momentum = float(configuration[MOMENTUM])
    changed = SGD_MOMENTUM if momentum == 0 else 1 - (1 - momentum) * _FACTOR ** rng.choice((-1, 1))
    return {**configuration, MOMENTUM: round(network.by_label[MOMENTUM].clip(changed), 6)}


@mutation("activation")
def change_activation(network: Network, configuration: Configuration, rng: np.random.Generator) -> Configuration | None:
    """Draw another activation for a layer chosen at random."""
    layers = [each for each in network.of_kind(ACTIVATION) if len(each.options) > 1]
    if not layers:
        return None
    layer = layers[int(rng.integers(len(layers)))]
    return {
        **configuration,
        layer.label: _draw([each for each in layer.options if each != configuration[layer.label]], rng),
    }


@mutation("batch size")
def change_batch_size(network: Network, configuration: Configuration, rng: np.random.Generator) -> Configuration | None:
    """Double or halve the batch size, within the size of the training set."""
    size = network.by_label.get(BATCH_SIZE)
    if size is None:
        return None
    now = float(configuration[BATCH_SIZE])
    sizes = {int(size.clip(each)) for each in (now * 2, now // 2)} - {int(now)}
    return {**configuration, BATCH_SIZE: sorted(sizes)[int(rng.integers(len(sizes)))]} if sizes else None


@mutation("dropout")
def change_dropout(network: Network, configuration: Configuration, rng: np.random.Generator) -> Configuration | None:
    """Change the rate of a dropout layer chosen at random by up to 0.2."""
    layers = network.of_kind(DROPOUT)
    if not layers:
        return None
    layer = layers[int(rng.integers(len(layers)))]
    rate = layer.clip(float(configuration[layer.label]) + rng.uniform(-_DROPOUT_STEP, _DROPOUT_STEP))
    return {**configuration, layer.label: round(rate, 3)}


@mutation("L2")
def change_l2(network: Network, configuration: Configuration, rng: np.random.Generator) -> Configuration | None:
    """Multiply the L2 penalty of the kernels by 0.1 to 10; begin with 1e-4."""
    return _with_penalty(network, configuration, L2, rng)


@mutation("weight decay")
def change_weight_decay(
    network: Network, configuration: Configuration, rng: np.random.Generator
) -> Configuration | None:
    """Multiply the decoupled weight decay by 0.1 to 10; begin with 1e-4."""
    return _with_penalty(network, configuration, WEIGHT_DECAY, rng)


@mutation("label smoothing")
def change_label_smoothing(
    network: Network, configuration: Configuration, rng: np.random.Generator
) -> Configuration | None:
    """Draw another label smoothing: 0, 0.05, 0.1 or 0.2."""
    if LABEL_SMOOTHING not in network.by_label:
        return None
    others = [each for each in _SMOOTHINGS if each != configuration[LABEL_SMOOTHING]]
    return {**configuration, LABEL_SMOOTHING: others[int(rng.integers(len(others)))]}


@mutation("augmentation")
def scale_augmentation(
    network: Network, configuration: Configuration, rng: np.random.Generator
) -> Configuration | None:
    """Multiply the strength of the network's augmentation layers, or of its policy, by 0.5 to 2."""
    return _scaled(network, configuration, AUGMENTATION, rng)


def _draw(names: Sequence[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def _scaled(
    network: Network, configuration: Configuration, label: str, rng: np.random.Generator
) -> Configuration | None:
    one = network.by_label.get(label)
    if one is None:
        return None
    return {**configuration, label: _rounded(one.clip(float(configuration[label]) * _FACTOR ** rng.uniform(-1, 1)))}


def _with_penalty(
    network: Network, configuration: Configuration, label: str, rng: np.random.Generator
) -> Configuration | None:
    one: Hyperparameter | None = network.by_label.get(label)
    if one is None:
        return None
    now = float(configuration[label])
    factor = 10 ** rng.uniform(-1, 1)
    changed = _FIRST if now == 0 else one.clip(now * factor)
    return {**configuration, label: 0.0 if changed < _SMALLEST else _rounded(changed)}


def _rounded(value: float) -> float:
    """Return a number with four digits, so that words and values agree."""
    return value if value == 0 else round(value, 3 - math.floor(math.log10(abs(value))))
