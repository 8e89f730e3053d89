"""An encoder-decoder for image outputs: denoising, filling of gaps, masks. Other outputs are predicted from its middle.

The network is a U-Net (Ronneberger et al. 2015, arXiv:1505.04597) with 3×3 convolutions, batch normalisation and
nearest-neighbour upsampling instead of transposed convolutions (Odena et al. 2016, doi:10.23915/distill.00003). Skip
connections from the encoder are optional: without them it is a plain convolutional autoencoder. Images of any size and
an odd number of rows fit, because the decoder crops to the sizes of the encoder.
"""

from collections.abc import Mapping
from math import log
from typing import Any

from hyperopt import hp

from metaopt.blueprint import (
    Activation,
    Blueprint,
    Concatenate,
    Conv2D,
    Cropping2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    Node,
    UpSampling2D,
)
from metaopt.outputs import ImageOutput
from metaopt.problems.training_config import COSINE, Training
from metaopt.zoo._layers import batch_normalization

Point = Mapping[str, Any]

space = {
    "stages": hp.choice("stages", [1, 2, 3]),  # halvings of the image
    "convolutions": hp.uniformint("convolutions", 1, 3),  # in each stage
    "filters": hp.qloguniform("filters", log(8), log(64), 1),  # in the first stage
    "growth": hp.uniform("growth", 1.0, 2.0),  # factor on the filters from one stage to the next
    "skips": hp.choice("skips", [True, False]),
    "interpolation": hp.choice("interpolation", ["nearest", "bilinear"]),
    "dropout": hp.uniform("dropout", 0.0, 0.3),  # in the middle
    "learning_rate": hp.loguniform("learning_rate", log(3e-4), log(1e-2)),
    "batch_size": hp.qloguniform("batch_size", log(16), log(128), 1),
    "weight_decay": hp.loguniform("weight_decay", log(1e-6), log(1e-2)),
}


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, Any]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: a point of ``space``.
        input_shape: (height, width, channels) of an image.
        classes: head → output, or number of classes.
    """
    x = inputs = Input(input_shape)
    encoded = []
    for stage in range(point["stages"]):
        x = _convolved(x, point, stage)
        encoded.append(x)
        x = MaxPooling2D(2, padding="same")(x)
    x = middle = Dropout(point["dropout"])(_convolved(x, point, point["stages"]))
    if any(isinstance(output, ImageOutput) for output in classes.values()):
        for stage in reversed(range(point["stages"])):
            x = _cropped(UpSampling2D(2, point["interpolation"])(x), encoded[stage])
            if point["skips"]:
                x = Concatenate()([encoded[stage], x])
            x = _convolved(x, point, stage)
    pooled = None
    heads = {}
    for head, output in classes.items():
        if isinstance(output, ImageOutput):
            heads[head] = Conv2D(output.channels, 1, activation="sigmoid")(x)
            continue
        if pooled is None:
            pooled = GlobalAveragePooling2D()(middle)
        heads[head] = Dense(output, activation="softmax")(pooled)
    return Blueprint(inputs, heads)


def _convolved(x: Node, point: Point, stage: int) -> Node:
    for _ in range(point["convolutions"]):
        # No bias, because the following normalisation removes any constant.
        x = Conv2D(round(point["filters"] * point["growth"] ** stage), 3, padding="same", use_bias=False)(x)
        x = Activation("relu")(batch_normalization()(x))
    return x


def _cropped(x: Node, like: Node) -> Node:
    """Cut off the last row and column that an odd size did not have."""
    height, width = (size - wanted for size, wanted in zip(x.shape[:2], like.shape[:2], strict=True))
    return Cropping2D(((0, height), (0, width)))(x) if height or width else x


def training(point: Point) -> Training:
    """Return the training configuration of a point."""
    return Training.from_point({**point, "optimizer": "Adam", "schedule": COSINE})
