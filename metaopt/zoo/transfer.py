"""Transfer learning: a pretrained backbone with a new head, for a few dozen to a few thousand images.

The backbone is part of the space: a ``.keras`` file, or a network of ``keras.applications``. So are the size of the
images that it sees, how much of it is tuned, and the head. In a first stage only the head is trained, on features of
the frozen backbone that are computed once; then the tuned part of the backbone, at a learning rate of its own, on
features of the part before it. The batch normalisation of the backbone stays in inference mode, as the guide of Keras
has it (https://keras.io/guides/transfer_learning).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Any

from hyperopt import hp

from metaopt.backbones import UnsupportedSize, read_facts
from metaopt.backbones.layer import parts
from metaopt.blueprint import (
    Blueprint,
    Concatenate,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    InvalidArchitecture,
    Rescaling,
    Resizing,
)
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.training_config import COSINE, FineTuning, Training

Point = Mapping[str, Any]

BACKBONES = ("EfficientNetV2B0", "MobileNetV2")
"""Default backbones: small ones, whose licence allows any use (Apache 2.0)."""

IMAGE_SIZES = (64, 96, 128, 160)
"""Sides of the images that a backbone sees, in pixels. The last map of most backbones has a 32nd of the side."""

SHARES = (0.15, 0.4, 1.0)
"""Largest shares of a backbone's multiply-accumulates that are tuned: about the last block, the last third, all."""

HEAD_EPOCHS = 2
"""Epochs of the first stage, so few that the first rungs of a search show what tuning gains."""

AUGMENTATIONS: dict[str, tuple[int, AugmentationPolicy | None]] = {
    "none": (1, AugmentationPolicy()),
    "light": (4, None),
    "strong": (
        8,
        AugmentationPolicy(flip=0.5, crop=0.5, rotate=10.0, brightness=0.2, contrast=0.2, saturation=0.2),
    ),
}
"""Name → number of copies of each image whose features are kept, and their policy; None for that of the data set.

There are a few policies rather than a continuous space of them, because each needs features of its own.
"""

_BYTES = 255.0
_HALF = 127.5  # networks get pixels as −0.5..0.5


def backbone_space(backbones: Sequence[str] = BACKBONES, image_sizes: Sequence[int] = IMAGE_SIZES) -> dict[str, Any]:
    """Return the search space.

    Args:
        backbones: ``.keras`` files or names of ``keras.applications``, at least one.
        image_sizes: sides of the images that a backbone sees, in pixels.
    """
    return {
        "backbone": hp.choice("backbone", list(backbones)),
        "image_size": hp.choice("image_size", list(image_sizes)),
        "tuning": hp.choice(
            "tuning",
            [
                {"share": 0.0},
                {
                    "share": hp.choice("tuned_share", list(SHARES)),
                    "learning_rate": hp.loguniform("fine_tuning_rate", log(3e-5), log(1e-3)),
                },
            ],
        ),
        "augmentation": hp.choice("augmentation", list(AUGMENTATIONS)),
        "pooling": hp.choice("pooling", ["avg", "max", "avg+max"]),
        "head": hp.choice("head", [{"units": 0}, {"units": hp.qloguniform("units", log(64), log(512), 1)}]),
        "dropout": hp.uniform("dropout", 0.1, 0.7),
        "l2": hp.loguniform("l2", log(1e-3), log(0.3)),  # penalty on the kernel of the last layer
        "learning_rate": hp.loguniform("learning_rate", log(1e-4), log(1e-2)),
        "batch_size": hp.qloguniform("batch_size", log(16), log(128), 1),
        "weight_decay": hp.loguniform("weight_decay", log(1e-4), log(0.3)),
        "label_smoothing": hp.uniform("label_smoothing", 0.0, 0.2),
        "warmup": hp.choice("warmup", [0, 1]),
    }


def backbone_default(backbones: Sequence[str] = BACKBONES) -> list[dict[str, Any]]:
    """Return the points to try first: a new head on the first backbone, and the same tuned whole on larger images."""
    frozen = {
        "backbone": backbones[0],
        "image_size": 96,
        "tuning": {"share": 0.0},
        "augmentation": "light",
        "pooling": "avg",
        "head": {"units": 0},
        "dropout": 0.5,
        "l2": 0.03,
        "learning_rate": 1e-3,
        "batch_size": 32,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "warmup": 1,
    }
    return [frozen, {**frozen, "image_size": 128, "tuning": {"share": 1.0, "learning_rate": 3e-4}}]


space = backbone_space()
default = backbone_default()


def network(point: Point, input_shape: tuple[int, ...], classes: Mapping[str, int]) -> Blueprint:
    """Return the network of a point.

    Args:
        point: a point of ``space``.
        input_shape: (height, width, channels) of an image, of 1 or 3 channels.
        classes: head → number of classes.

    Raises:
        InvalidArchitecture: the images have other channels, or the backbone takes no images of this size.
        UserError: the backbone cannot be used, see ``metaopt.backbones.read_facts``.
    """
    if input_shape[-1] not in (1, 3):
        raise InvalidArchitecture("Backbone", input_shape, "Expected images of 1 or 3 channels.")
    side = int(point["image_size"])
    try:
        facts = read_facts(point["backbone"], (side, side))
    except UnsupportedSize as error:
        raise InvalidArchitecture("Backbone", (side, side, 3), str(error)) from error
    inputs = Input(input_shape)
    x = Rescaling(_BYTES, _HALF)(inputs)
    x = Concatenate()([x, x, x]) if input_shape[-1] == 1 else x
    x = x if input_shape[:2] == (side, side) else Resizing(side, side)(x)
    for part in parts(facts, point["tuning"]["share"]):
        x = part(x)
    kinds = point["pooling"].split("+")
    pooled = [GlobalAveragePooling2D()(x)] if "avg" in kinds else []
    pooled += [GlobalMaxPooling2D()(x)] if "max" in kinds else []
    x = Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    if point["head"]["units"]:
        x = Dense(point["head"]["units"], activation="relu")(Dropout(point["dropout"])(x))
    x = Dropout(point["dropout"])(x)
    # Zeros, because random kernels of a thousand features are noise that few images cannot train away.
    last = {"activation": "softmax", "kernel_initializer": "zeros", "kernel_regularizer": point["l2"]}
    return Blueprint(inputs, {head: Dense(n, **last)(x) for head, n in classes.items()})


def training(point: Point) -> Training:
    """Return the training configuration of a point."""
    common = {**point, "optimizer": "AdamW", "schedule": COSINE}
    tuned = point["tuning"]
    views, policy = AUGMENTATIONS[point["augmentation"]]
    fine_tuning = FineTuning(
        head_epochs=HEAD_EPOCHS if tuned["share"] else 0,
        learning_rate=float(tuned.get("learning_rate", point["learning_rate"])),
        views=views,
    )
    return replace(Training.from_point(common), fine_tuning=fine_tuning, augmentation=policy)
