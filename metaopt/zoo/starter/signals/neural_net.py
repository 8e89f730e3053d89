"""Network and training configuration of a point of the space in space.py. Edit both files together.

The layers have Keras' names and arguments, but are descriptions: the search computes shapes, parameters and MACs
without Keras, and rejects networks that are invalid or too large before training. Anything that is wrong with a
network, e.g. a kernel that is longer than its signal, is found there, so this file needs no checks.
"""

from metaopt.blueprint import (
    Activation,
    AveragePooling1D,
    BatchNormalization,
    Blueprint,
    Conv1D,
    Dense,
    Dropout,
    GlobalAveragePooling1D,
    Input,
    MaxPooling1D,
)
from metaopt.problems import Training


def network(point, input_shape, classes):
    """Return the network of a point.

    Args:
        point: one value for each key of the space.
        input_shape: (length, channels) of the signals.
        classes: head → number of classes; for other targets, their description.
    """
    pool = MaxPooling1D if point["pooling"] == "max" else AveragePooling1D
    x = inputs = Input(input_shape)
    for stage in range(point["stages"]):
        filters = round(point["filters"]) * 2**stage
        for _ in range(point["convolutions"]):
            x = Conv1D(filters, point["kernel"], padding="same", use_bias=False)(x)
            x = Activation("relu")(BatchNormalization(momentum=0.9)(x))
        if x.shape[0] >= 8:  # short signals are not pooled away
            x = pool(4)(x)
    x = GlobalAveragePooling1D()(x)
    if point["dense"] is not None:
        x = Dense(round(point["dense"]["units"]), activation="relu")(x)
        x = Dropout(point["dense"]["dropout"])(x)
    x = Dropout(point["dropout"])(x)
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def training(point):
    """Return the training configuration of a point."""
    return Training(
        optimizer="Adam",
        learning_rate=point["learning_rate"],
        batch_size=round(point["batch_size"]),
        weight_decay=point["weight_decay"],
        label_smoothing=point["label_smoothing"],
        schedule="cosine",
    )
