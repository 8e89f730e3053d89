"""Problem file of the compatibility fixtures: networks of a few hundred parameters for images of 8×8 pixels.

It is written as users write theirs, with the imports that worked when the studies in ``studies/`` were made. The
studies hold its source and compare their network with it, so this file must never change.
"""

from hyperopt import hp

from metaopt.blueprint import (
    AveragePooling2D,
    BatchNormalization,
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
)
from metaopt.study.problem import Training

space = {
    "filters": hp.uniformint("filters", 2, 8),
    "pooling": hp.choice("pooling", ["max", "average"]),
    "batch_norm": hp.choice("batch_norm", [False, True]),
    "hidden": hp.choice(
        "hidden",
        [
            None,
            {"units": hp.quniform("units", 4, 16, 4), "dropout": hp.uniform("dropout", 0, 0.4)},
        ],
    ),
    "optimizer": hp.choice("optimizer", ["Adam", "SGD"]),
    "learning_rate": hp.loguniform("learning_rate", -6.5, -3),
    "batch_size": 32,
}


def network(point, input_shape, classes):
    x = inputs = Input(input_shape)
    x = Conv2D(point["filters"], 3, activation="relu")(x)
    if point["batch_norm"]:
        x = BatchNormalization(momentum=0.9)(x)
    x = (MaxPooling2D if point["pooling"] == "max" else AveragePooling2D)(2)(x)
    x = Flatten()(x)
    if point["hidden"] is not None:
        x = Dense(int(point["hidden"]["units"]), activation="relu")(x)
        x = Dropout(point["hidden"]["dropout"])(x)
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def training(point):
    return Training(point["optimizer"], learning_rate=point["learning_rate"], batch_size=point["batch_size"])
