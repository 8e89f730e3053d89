"""Arrays of images of several types and shapes, made uint8 ``(n, h, w, c)``."""

from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.content import digests, fingerprint
from metaopt.data.images import ArrayImages, ImageArray, LabelArray
from metaopt.data.picture import resized_square
from metaopt.data.source import Source, advice_for
from metaopt.errors import UserError

_CHUNK = 1024
"""Images that are converted at once, so that a float array needs no second one of its size."""


def with_channels(images: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Images as ``(n, h, w, c)``; grey ones get their channel.

    Raises:
        UserError: another number of dimensions, no pixels, or channels that come before the pixels.
    """
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise UserError(
            f"{where} has the shape {images.shape}, but images must be (n, height, width) "
            "or (n, height, width, channels)."
        )
    if images.ndim == 3:
        return images[..., None]
    if images.shape[1] in (1, 3) and images.shape[-1] not in (1, 2, 3, 4):
        raise UserError(
            f"{where} has the shape {images.shape}, where the channels seem to come first; "
            "they come last here: transpose(0, 2, 3, 1)."
        )
    return images


def pixel_scale(images: npt.NDArray[Any], where: str) -> tuple[float, list[str]]:
    """By what to multiply pixels to have them in 0..255, with a sentence if that is a guess.

    Raises:
        UserError: the type is no number, or the values are in neither 0..1 nor 0..255.
    """
    kind = images.dtype.kind
    if images.dtype == np.uint8:
        return 1.0, []
    if kind == "b":
        return 255.0, []
    if kind not in "iuf":
        raise UserError(f"{where} has the type {images.dtype}, but images must be numbers, best uint8 in 0..255.")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):  # also where a NaN is among them
        raise UserError(f"{where} has values in {low:g}..{high:g}, but images must be in 0..255, or in 0..1 as floats.")
    if kind == "f" and high <= 1:
        return 255.0, [f"{where} has floats in {low:g}..{high:g}, which are multiplied by 255 and rounded."]
    return 1.0, [f"{where} has the type {images.dtype}, whose values in {low:g}..{high:g} are rounded to 0..255."]


def to_uint8(images: npt.NDArray[Any], scale: float, where: str) -> ImageArray:
    """Multiplies by the scale and rounds.

    Raises:
        UserError: a value falls outside 0..255, or is not a number.
    """
    if images.dtype == np.uint8:
        return images
    result = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK] * np.float32(scale)
        if not (chunk.min() >= 0 and chunk.max() <= 255):
            raise UserError(f"{where} has values outside 0..{255 / scale:g}, which the training images keep to.")
        result[start : start + _CHUNK] = np.rint(chunk)
    return result


def resize(images: ImageArray, size: int | None) -> ImageArray:
    """Cuts each image to its central square and resizes that to ``(n, size, size, c)``; None leaves them."""
    n, height, width, channels = images.shape
    if size is None or (height, width) == (size, size):
        return images
    result = np.empty((n, size, size, channels), np.uint8)
    for index, image in enumerate(images):
        result[index] = resized_square(image, size)
    return result


def array_source(
    name: str,
    train: tuple[ImageArray, dict[str, LabelArray]],
    test: tuple[ImageArray, dict[str, LabelArray]] | None,
    class_names: dict[str, list[str]],
    size: int | None,
    notes: list[str],
) -> Source:
    """A source of images in memory; the content is hashed as it was before resizing."""
    images, labels = train
    content = [digests(images)] + ([] if test is None else [digests(test[0])])
    resized = resize(images, size)
    heading = {"classes": class_names, "shape": list(resized.shape[1:]), "own": list(images.shape[1:])}
    return Source(
        name=name,
        images=ArrayImages(resized, labels),
        digests=content[0],
        test=None if test is None else ArrayImages(resize(test[0], size), test[1]),
        test_digests=content[-1] if test is not None else np.zeros(0, np.uint64),
        class_names=class_names,
        shape=(resized.shape[1], resized.shape[2], resized.shape[3]),
        advice=advice_for(resized.shape[3]),
        fingerprint=fingerprint(heading, [labels] + ([] if test is None else [test[1]]), content),
        notes=notes,
    )
