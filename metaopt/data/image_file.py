"""Reading of one image file: its header, and its central square as pixels."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from metaopt.data.fingerprint import digest
from metaopt.data.images import ImageArray

# Formats of photographs and drawings that Pillow decodes on every platform. Pillow also opens PDF and MPEG files.
IMAGE_SUFFIXES = {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"}
IMAGE_SUFFIXES |= {".avif", ".tif", ".tiff", ".webp"}

_GREY_MODES = {"1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N", "I", "F"}
_32_BIT_MODES = {"I", "F"}


class ImageFileError(Exception):
    """An image file that cannot be read; the message is the reason without the name of the file."""


class ImageHeader(NamedTuple):
    """Properties of an image that are known without decoding it.

    Attributes:
        side: shorter side in pixels.
        colour: has colours, not only shades of grey.
        square: width and height are equal.
    """

    side: int
    colour: bool
    square: bool


class DecodedFile(NamedTuple):
    """Pixels of the central window, ``(height, width, channels)``, and the digest of the bytes of the file."""

    image: ImageArray
    file_digest: int


def read_header(path: Path) -> ImageHeader:
    """Read the header of an image file.

    Raises:
        ImageFileError: the file is empty, is not an image, or has 32-bit pixels, which have no fixed range.
    """
    try:
        if path.stat().st_size == 0:
            raise ImageFileError("the file is empty")
        with Image.open(path) as image:
            _reject_32_bit(image)
            return ImageHeader(min(image.size), _has_colour(image), image.width == image.height)
    except (ImageFileError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise exceptions of nearly every type
        raise _to_image_file_error(error) from error


def read_image(path: Path, size: int | tuple[int, int], channels: int) -> DecodedFile:
    """Decode an image upright, crop its central window and resize it.

    Transparent pixels become white, 16-bit pixels are cut to 8 bits, and an animation gives its first frame.

    Args:
        path: the file.
        size: side of the resulting square in pixels; or (height, width), for which the largest window of that aspect
            ratio is cropped.
        channels: 1 or 3.

    Raises:
        ImageFileError: the file cannot be decoded, or has 32-bit pixels, which have no fixed range.
    """
    height, width = (size, size) if isinstance(size, int) else size
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            _reject_32_bit(image)
            # Decodes a JPEG at 1/2, 1/4 or 1/8 of its size if that is still at least twice the wanted size.
            image.draft(None, (2 * max(height, width),) * 2)
            upright = ImageOps.exif_transpose(image)
            pixels = crop_and_resize(np.asarray(_convert(upright, channels)), height, width)
        return DecodedFile(pixels, digest(data))
    except (ImageFileError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise exceptions of nearly every type
        raise _to_image_file_error(error) from error


def resize_square(image: npt.NDArray[np.uint8], size: int) -> ImageArray:
    """Crop ``(h, w)`` or ``(h, w, c)`` to its central square and resize it to ``(size, size, c)``."""
    return crop_and_resize(image, size, size)


def crop_and_resize(image: npt.NDArray[np.uint8], height: int, width: int) -> ImageArray:
    """Crop ``(h, w)`` or ``(h, w, c)`` to its largest central window of the aspect ratio and resize it.

    The result is that of ``keras.layers.Resizing(crop_to_aspect_ratio=True)``, the first layer of an exported model.

    Returns:
        ``(height, width, c)``.
    """
    rows, columns = image.shape[:2]
    rows, columns = max(1, min(rows, columns * height // width)), max(1, min(columns, rows * width // height))
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    window = image[top : top + rows, left : left + columns].reshape(rows, columns, -1)
    if (rows, columns) == (height, width):
        return window
    if window.shape[2] == 3:
        return _resize(window, height, width)
    return np.stack([_resize(window[:, :, channel], height, width) for channel in range(window.shape[2])], axis=-1)


def _resize(window: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    image = Image.fromarray(np.ascontiguousarray(window))
    # An exported model resizes images itself, and bicubic is the best filter that every Keras backend offers.
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _reject_32_bit(image: Image.Image) -> None:
    if image.mode in _32_BIT_MODES:
        raise ImageFileError(f"its pixels have 32 bits (mode {image.mode}); convert it to 8 or 16 bits")


def _has_colour(image: Image.Image) -> bool:
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return bool((palette != palette[:, :1]).any())
    return image.mode not in _GREY_MODES


def _convert(image: Image.Image, channels: int) -> Image.Image:
    """Return the image in mode L or RGB."""
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips at 255 instead of scaling
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def _to_image_file_error(error: Exception) -> ImageFileError:
    """Convert an exception of Pillow or the file system."""
    if isinstance(error, UnidentifiedImageError):
        return ImageFileError("it is not an image of a known format")
    if isinstance(error, OSError) and error.strerror:
        return ImageFileError(error.strerror.lower())
    return ImageFileError(str(error) or type(error).__name__)
