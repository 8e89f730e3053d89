"""``--space auto``: the ready space that fits a data set, this machine and the limits, with the reason."""

from collections.abc import Callable, Sequence

import numpy as np

from metaopt.backbones.source import weights_folder
from metaopt.data import DataSet
from metaopt.outputs import ClassOutput, ImageOutput
from metaopt.problems.loading import CNN

AUTO = "auto"
TRANSFER, PHOTO, IMAGE_TO_IMAGE, SIGNAL, VOLUME = "transfer", "photo_cnn", "autoencoder", "signal_cnn", "conv_stack"

FEW_IMAGES = 500
"""Images of a class below which a pretrained backbone is used: a choice, between 50 of CIFAR-10, where it is far ahead
(docs/transfer.md), and thousands, with which a network of one's own can be as good."""

LEAST_SIDE = 16
"""Side of images in pixels below which a backbone, to which they are enlarged, may see too little. At 16, with 50
images of a class, it is ahead of a network from scratch (docs/transfer.md); smaller images were not measured."""

# Default backbone → file of its weights in Keras' cache (keras/src/applications).
_FILES = {
    "EfficientNetV2B0": "efficientnetv2-b0_notop.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
}


def find_cached_backbones() -> list[str]:
    """Return the default backbones whose weights are in Keras' cache, so that nothing is downloaded unasked."""
    return [name for name, file in _FILES.items() if (weights_folder() / file).is_file()]


def choose_space(data: DataSet, backbones: Sequence[str], *, gpu: bool, fits: Callable[[str], bool]) -> tuple[str, str]:
    """Return the name of the space that fits a data set best, and why, as the end of a sentence.

    Args:
        data: the data set.
        backbones: backbones that are on this machine.
        gpu: whether there is a GPU.
        fits: whether networks of a space meet the limits.
    """
    by_kind = {"signal": (SIGNAL, "the data are signals"), "volume": (VOLUME, "the data are volumes")}
    if data.noun in by_kind:
        return by_kind[data.noun]
    if any(isinstance(output, ImageOutput) for output in data.outputs.values()):
        return IMAGE_TO_IMAGE, "the targets are images"
    images, what = _count_images(data)
    side = min(data.input_shape[:2])
    if images >= FEW_IMAGES:
        if gpu and fits(CNN):
            return CNN, f"{images:,} {what} are enough for a network of one's own, and there is a GPU"
        return PHOTO, f"{images:,} {what} are enough for a network of one's own"
    few = f"{images:,} {what} are few"
    if data.input_shape[-1] not in (1, 3):
        return PHOTO, f"{few}, and no pretrained backbone takes images of {data.input_shape[-1]} channels"
    if side < LEAST_SIDE:
        return PHOTO, f"{few}, and at {side} pixels a pretrained backbone may see too little"
    if not backbones:
        return PHOTO, f"{few}, but no pretrained backbone is on this machine; --backbone names one"
    if not fits(TRANSFER):
        return PHOTO, f"{few}, but no network with a pretrained backbone meets the limits"
    return TRANSFER, f"{few}, and there is a pretrained backbone"


def _count_images(data: DataSet) -> tuple[int, str]:
    """Return the number of training and validation images of the median class, and what is counted."""
    images, (head, output) = data.everything(), next(iter(data.outputs.items()))
    if not isinstance(output, ClassOutput):
        return len(images), "images"
    counts = np.bincount(images.labels[head], minlength=len(output.names))
    return int(np.median(counts)), "images per class"
