"""Conversion of image arrays of various types and shapes to uint8 ``(n, h, w, c)``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from metaopt.data.fingerprint import describe_outputs, digest_images, fingerprint
from metaopt.data.image_file import crop_and_resize
from metaopt.data.images import ArrayImages, ImageArray, LabelArray
from metaopt.data.pixel_range import Brightness
from metaopt.data.unsplit import UnsplitData, choose_default_augmentation
from metaopt.errors import UserError
from metaopt.outputs import ImageOutput, Output
from metaopt.quantities import ImageSize, height_and_width

LabelledArrays = tuple[ImageArray, dict[str, LabelArray]]
"""Images ``(n, h, w, c)`` and head → labels ``(n,)``."""

_CHUNK = 1024
"""Images converted at a time, so that a float array needs no second array of its size."""


def add_channel_axis(images: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    """Return images as ``(n, h, w, c)``; grey images ``(n, h, w)`` get a channel axis.

    Raises:
        UserError: the number of dimensions is not 3 or 4, an axis is empty, or the channels come first.
    """
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise UserError(
            f"Invalid shape of {where}: {images.shape}. Expected (n, height, width) or (n, height, width, channels)."
        )
    if images.ndim == 3:
        return images[..., None]
    if images.shape[1] in (1, 3) and images.shape[-1] not in (1, 2, 3, 4):
        raise UserError(
            f"Invalid shape of {where}: {images.shape}. The channels seem to come first; move them last with"
            " transpose(0, 2, 3, 1)."
        )
    return images


def find_pixel_scale(images: npt.NDArray[Any], where: str) -> tuple[float, list[str]]:
    """Return the factor that scales pixels to 0..255, and a note for the user if the range was inferred.

    Raises:
        UserError: the type is not numeric, or the values are neither in 0..1 nor in 0..255.
    """
    kind = images.dtype.kind
    if images.dtype == np.uint8:
        return 1.0, []
    if kind == "b":
        return 255.0, []
    if kind not in "iuf":
        raise UserError(f"Invalid type of {where}: {images.dtype}. Expected numbers, preferably uint8 in 0..255.")
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 255):  # also true for NaN
        remedy = ""
        if not (np.isfinite(low) and np.isfinite(high)):
            remedy = " Replace the values that are not finite."
        elif -1 <= low < 0 and high <= 1:
            remedy = " Values in -1..1 become (x + 1) / 2."
        elif low < 0:
            remedy = ' Signals and volumes of any range are told by an array, e.g. numpy.savez(…, input="volume").'
        else:
            remedy = f" Divide them by their white, e.g. {2 ** int(high).bit_length() - 1:,}, to get floats in 0..1."
        raise UserError(f"Invalid values in {where}: {low:g}..{high:g}. Expected 0..255, or 0..1 for floats.{remedy}")
    if kind == "f" and 1 < high <= 2 and not _are_integers(images):
        raise UserError(
            f"Invalid values in {where}: {low:g}..{high:g}. Expected 0..255, or 0..1 for floats. If 1 is meant to be"
            " white, clip them: numpy.clip(x, 0, 1)."
        )
    if kind == "f" and high <= 1:
        return 255.0, [f"The floats of {where} are in {low:g}..{high:g}; they are multiplied by 255 and rounded."]
    return 1.0, [f"The {images.dtype} values of {where} are in {low:g}..{high:g}; they are rounded to 0..255."]


def _are_integers(images: npt.NDArray[Any]) -> bool:
    chunks = (images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK))
    return all((chunk == np.rint(chunk)).all() for chunk in chunks)


def note_dark(images: ImageArray, where: str) -> list[str]:
    """Return a note if nearly all pixels of converted images use a small part of 0..255; empty otherwise."""
    brightness = Brightness()
    for start in range(0, len(images), _CHUNK):
        brightness.add(images[start : start + _CHUNK])
    return brightness.notes(where)


def to_uint8(images: npt.NDArray[Any], scale: float, where: str) -> ImageArray:
    """Multiply by the scale, round, and convert to uint8.

    Raises:
        UserError: a scaled value is NaN or outside 0..255.
    """
    if images.dtype == np.uint8:
        return images
    result = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK] * np.float32(scale)
        if not (chunk.min() >= 0 and chunk.max() <= 255):
            raise UserError(
                f"Invalid values in {where}: some are outside 0..{255 / scale:g}, the range of the training images."
            )
        result[start : start + _CHUNK] = np.rint(chunk)
    return result


def resize(images: ImageArray, size: ImageSize | None) -> ImageArray:
    """Crop each image to its largest central window of the size's aspect ratio and resize it.

    Returns:
        ``(n, height, width, c)``; the images themselves for None.
    """
    if size is None or images.shape[1:3] == height_and_width(size):
        return images
    height, width = height_and_width(size)
    result = np.empty((len(images), height, width, images.shape[3]), np.uint8)
    for index, image in enumerate(images):
        result[index] = crop_and_resize(image, height, width)
    return result


def from_arrays(
    name: str,
    train: LabelledArrays,
    test: LabelledArrays | None,
    outputs: Mapping[str, Output],
    size: ImageSize | None,
    notes: list[str],
) -> UnsplitData:
    """Build a data set from images in memory; the fingerprint is that of the images before resizing.

    Args:
        name: short name for display.
        train: images and targets, those of the validation split among them.
        test: the same of the test split, or None.
        outputs: head → kind of its targets.
        size: size of the resized images; None keeps their own. Image targets are resized, too.
        notes: messages for the user.
    """
    images, labels = train
    contents = [digest_images(images)] + ([] if test is None else [digest_images(test[0])])
    resized = resize(images, size)
    # Studies store the fingerprint, so the keys never change. "own" is the shape before resizing.
    heading = {**describe_outputs(outputs), "shape": list(resized.shape[1:]), "own": list(images.shape[1:])}
    return UnsplitData(
        name=name,
        images=ArrayImages(resized, _resized_targets(labels, size)),
        digests=contents[0],
        test=None if test is None else ArrayImages(resize(test[0], size), _resized_targets(test[1], size)),
        test_digests=contents[-1] if test is not None else np.zeros(0, np.uint64),
        outputs={head: _resized_output(each, size) for head, each in outputs.items()},
        shape=(resized.shape[1], resized.shape[2], resized.shape[3]),
        default_augmentation=choose_default_augmentation(resized.shape[3], outputs.values()),
        fingerprint=fingerprint(heading, [labels] + ([] if test is None else [test[1]]), contents),
        notes=notes,
    )


def _resized_targets(targets: Mapping[str, LabelArray], size: ImageSize | None) -> dict[str, LabelArray]:
    """Return targets with image targets resized; of a mask, the pixels count that are covered by such ones alone."""
    return {head: _resize_target(values, size) if values.ndim == 4 else values for head, values in targets.items()}


def _resize_target(values: ImageArray, size: ImageSize | None) -> ImageArray:
    if size is None or values.shape[1:3] == height_and_width(size):
        return values
    has_mask = values.shape[3] in (2, 4)
    pixels = resize(np.ascontiguousarray(values[..., : values.shape[3] - has_mask]), size)
    if not has_mask:
        return pixels
    mask = resize(np.ascontiguousarray(values[..., -1:]), size)
    return np.concatenate([pixels, np.where(mask == 255, np.uint8(255), np.uint8(0))], axis=3)


def _resized_output(output: Output, size: ImageSize | None) -> Output:
    if size is None or not isinstance(output, ImageOutput):
        return output
    return replace(output, size=(*height_and_width(size), output.channels))
