"""Network and training configuration of a point of the space in space.py. Edit both files together.

The layers have Keras' names and arguments, but are descriptions: the search computes shapes, parameters and MACs
without Keras, and rejects networks that are invalid or too large before training. Anything that is wrong with a
network, e.g. a kernel that is larger than its image, is found there, so this file needs no checks.
"""

from metaopt.blueprint import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
)
from metaopt.problems import Training


def network(point, input_shape, classes):
    """Return the network of a point.

    Args:
        point: one value for each key of the space.
        input_shape: (height, width, channels) of the images.
        classes: head → number of classes; for other targets, their description.
    """
    pool = MaxPooling2D if point["pooling"] == "max" else AveragePooling2D
    x = inputs = Input(input_shape)
    for stage in range(point["stages"]):
        filters = round(point["filters"]) * 2**stage
        for _ in range(point["convolutions"]):
            x = Conv2D(filters, point["kernel"], padding="same", use_bias=False)(x)
            x = Activation("relu")(BatchNormalization(momentum=0.9)(x))
        if min(x.shape[:2]) >= 4:  # small images are not pooled away
            x = pool(2)(x)
    x = GlobalAveragePooling2D()(x)
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
