"""A plain CNN for small data sets of small photos: stages of 3×3 convolutions, batch normalisation, global pooling.

The stages are those of VGG (Simonyan & Zisserman 2015, arXiv:1409.1556), with batch normalisation before each ReLU. The
head is one dense layer after global average pooling (Lin et al. 2014, arXiv:1312.4400), because wide dense layers
overfit a thousand images. The space includes regularisation: weight decay, label smoothing, mixup and dropout. The
learning rate follows a cosine schedule.
"""

from collections.abc import Mapping
from math import log
from typing import Any

from hyperopt import hp

from metaopt.blueprint import (
    Activation,
    Blueprint,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
)
from metaopt.problems.training_config import COSINE, Training
from metaopt.zoo._layers import batch_normalization

Point = Mapping[str, Any]

space = {
    "stages": hp.choice("stages", [2, 3, 4]),
    "convolutions": hp.uniformint("convolutions", 1, 3),  # in each stage
    "filters": hp.qloguniform("filters", log(12), log(96), 1),  # in the first stage
    "growth": hp.uniform("growth", 1.25, 2.5),  # factor on the filters from one stage to the next
    "dropout": hp.uniform("dropout", 0.0, 0.5),
    "learning_rate": hp.loguniform("learning_rate", log(3e-4), log(1e-2)),
    "batch_size": hp.qloguniform("batch_size", log(16), log(128), 1),
    "weight_decay": hp.loguniform("weight_decay", log(1e-4), log(0.3)),
    "label_smoothing": hp.uniform("label_smoothing", 0.0, 0.2),
    "mixup": hp.uniform("mixup", 0.0, 0.4),
}


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: a point of ``space``.
        input_shape: (height, width, channels) of an image.
        classes: head → number of classes.

    Raises:
        InvalidArchitecture: the images are too small for the pooling layers.
    """
    x = inputs = Input(input_shape)
    for stage in range(point["stages"]):
        for _ in range(point["convolutions"]):
            # No bias, because the following normalisation removes any constant.
            x = Conv2D(round(point["filters"] * point["growth"] ** stage), 3, padding="same", use_bias=False)(x)
            x = Activation("relu")(batch_normalization()(x))
        x = MaxPooling2D(2)(x) if stage + 1 < point["stages"] else x
    x = Dropout(point["dropout"])(GlobalAveragePooling2D()(x))
    return Blueprint(inputs, {head: Dense(n, activation="softmax")(x) for head, n in classes.items()})


def training(point: Point) -> Training:
    """Return the training configuration of a point."""
    return Training.from_point({**point, "optimizer": "Adam", "schedule": COSINE})
