"""One picture file: its size without decoding it, and its central square as pixels."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from metaopt.data.content import digest
from metaopt.data.images import ImageArray

# Those that Pillow decodes everywhere and that people keep pictures in; it opens PDF and MPEG too.
SUFFIXES = {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff"}
SUFFIXES |= {".avif", ".webp"}

_GREY_MODES = {"1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N", "I", "F"}
_WIDE_MODES = {"I", "F"}


class PictureError(Exception):
    """A picture that cannot be read; the message is the reason without the file's name."""


class Probe(NamedTuple):
    """What a picture's header says: the side of its central square in pixels, whether it has colours, is a square."""

    side: int
    colour: bool
    square: bool


class Pixels(NamedTuple):
    """A picture's central square, ``(size, size, channels)``, and the digest of its file."""

    image: ImageArray
    file_digest: int


def probe(path: Path) -> Probe:
    """Reads a picture's header.

    Raises:
        PictureError: it is empty or no picture, or has a kind of pixels that has no fixed range.
    """
    try:
        if path.stat().st_size == 0:
            raise PictureError("it is empty")
        with Image.open(path) as image:
            _refuse_wide(image)
            return Probe(min(image.size), _has_colour(image), image.width == image.height)
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind
        raise _reason(error) from error


def read(path: Path, size: int | tuple[int, int], channels: int) -> Pixels:
    """Decodes a picture upright, cuts its central square and resizes that.

    Transparent pixels are laid on white, 16 bits are cut to 8, of an animation the first picture is taken.

    Args:
        path: the file.
        size: the side of the result in pixels; or height and width, and the largest window of that shape is cut.
        channels: 1 or 3.

    Raises:
        PictureError: it cannot be decoded, or has a kind of pixels that has no fixed range.
    """
    height, width = (size, size) if isinstance(size, int) else size
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            _refuse_wide(image)
            # A JPEG is decoded at a half, a quarter or an eighth where that is still twice the size that is wanted.
            image.draft(None, (2 * max(height, width),) * 2)
            upright = ImageOps.exif_transpose(image)
            pixels = resized(np.asarray(_converted(upright, channels)), height, width)
        return Pixels(pixels, digest(data))
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind
        raise _reason(error) from error


def resized_square(image: npt.NDArray[np.uint8], size: int) -> ImageArray:
    """The central square of ``(h, w)`` or ``(h, w, c)``, resized to ``(size, size, c)``."""
    return resized(image, size, size)


def resized(image: npt.NDArray[np.uint8], height: int, width: int) -> ImageArray:
    """The largest central window of that aspect ratio of ``(h, w)`` or ``(h, w, c)``, as ``(height, width, c)``.

    The same as ``keras.layers.Resizing(crop_to_aspect_ratio=True)``, which a model that is handed out begins with.
    """
    rows, columns = image.shape[:2]
    rows, columns = max(1, min(rows, columns * height // width)), max(1, min(columns, rows * width // height))
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - columns) // 2
    window = image[top : top + rows, left : left + columns].reshape(rows, columns, -1)
    if (rows, columns) == (height, width):
        return window
    if window.shape[2] == 3:
        return _resampled(window, height, width)
    return np.stack([_resampled(window[:, :, channel], height, width) for channel in range(window.shape[2])], axis=-1)


def _resampled(window: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(window))
    # Cubic, for a model that is handed out resizes by itself, and this is the best filter that every backend has.
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def _refuse_wide(image: Image.Image) -> None:
    if image.mode in _WIDE_MODES:
        raise PictureError(f"its pixels have 32 bits (mode {image.mode}); convert it to 8 or 16")


def _has_colour(image: Image.Image) -> bool:
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return bool((palette != palette[:, :1]).any())
    return image.mode not in _GREY_MODES


def _converted(image: Image.Image, channels: int) -> Image.Image:
    """The picture in mode L or RGB."""
    if image.mode.startswith("I;16"):  # Pillow's own conversion cuts at 255 instead of scaling
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def _reason(error: Exception) -> PictureError:
    """What Pillow or the file system raised, in words."""
    if isinstance(error, UnidentifiedImageError):
        return PictureError("it is no picture of a known format")
    if isinstance(error, OSError) and error.strerror:
        return PictureError(error.strerror.lower())
    return PictureError(str(error) or type(error).__name__)
