"""Network and training configuration of a point of the space in space.py. Edit both files together.

The layers have Keras' names and arguments, but are descriptions: the search computes shapes, parameters and MACs
without Keras, and rejects networks that are invalid or too large before training.
"""

from metaopt.blueprint import (
    Activation,
    BatchNormalization,
    Blueprint,
    Concatenate,
    Conv2D,
    Cropping2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    UpSampling2D,
)
from metaopt.outputs import ImageOutput
from metaopt.problems import Training


def network(point, input_shape, classes):
    """Return the network of a point: an encoder, and a decoder back to the size of the images.

    Args:
        point: one value for each key of the space.
        input_shape: (height, width, channels) of the images.
        classes: head → its target: an ``ImageOutput``, or for others what a dense layer takes.
    """
    x = inputs = Input(input_shape)
    encoded = []
    for stage in range(point["stages"]):
        x = convolved(x, point, stage)
        encoded.append(x)
        x = MaxPooling2D(2, padding="same")(x)
    x = middle = Dropout(point["dropout"])(convolved(x, point, point["stages"]))
    for stage in reversed(range(point["stages"])):
        x = cropped(UpSampling2D(2)(x), encoded[stage])
        if point["skips"]:
            x = Concatenate()([encoded[stage], x])
        x = convolved(x, point, stage)
    heads = {}
    for head, target in classes.items():
        if isinstance(target, ImageOutput):
            heads[head] = Conv2D(target.channels, 1, activation="sigmoid")(x)
        else:
            heads[head] = Dense(target, activation="softmax")(GlobalAveragePooling2D()(middle))
    return Blueprint(inputs, heads)


def convolved(x, point, stage):
    """Apply the convolutions of a stage."""
    for _ in range(point["convolutions"]):
        x = Conv2D(round(point["filters"]) * 2**stage, point["kernel"], padding="same", use_bias=False)(x)
        x = Activation("relu")(BatchNormalization(momentum=0.9)(x))
    return x


def cropped(x, like):
    """Cut off the last row and column that an image of an odd size did not have."""
    height, width = (size - wanted for size, wanted in zip(x.shape[:2], like.shape[:2], strict=True))
    return Cropping2D(((0, height), (0, width)))(x) if height or width else x


def training(point):
    """Return the training configuration of a point."""
    return Training(
        optimizer="Adam",
        learning_rate=point["learning_rate"],
        batch_size=round(point["batch_size"]),
        weight_decay=point["weight_decay"],
        schedule="cosine",
    )
