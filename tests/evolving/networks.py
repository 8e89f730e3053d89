"""Descriptions of networks, without Keras."""

from metaopt.evolving import Hyperparameter, Network
from metaopt.evolving.activations import HIDDEN
from metaopt.evolving.hyperparameters import RANGES
from metaopt.evolving.optimizers import RATES


def number(kind: str, initial: float, layer: str | None = None) -> Hyperparameter:
    return Hyperparameter(kind, initial, (), layer, *RANGES[kind])


DENSE = Network(
    (
        Hyperparameter("optimizer", "SGD", tuple(RATES)),
        number("learning_rate", 1e-5),
        number("momentum", 0.0),
        number("weight_decay", 0.0),
        Hyperparameter("batch_size", 32, low=4.0, high=100.0),
        number("l2", 0.0),
        number("label_smoothing", 0.0),
        number("augmentation", 1.0),
        Hyperparameter("activation", "relu", HIDDEN, "dense_1"),
        Hyperparameter("activation", "tanh", HIDDEN, "dense_2"),
        number("dropout", 0.5, "dropout_1"),
    ),
    {"output": "classes"},
)
