"""Reading of one image file: its header, and its central window as pixels."""

import functools
import io
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from metaopt.data.bands import Bands, open_bands
from metaopt.data.fingerprint import digest, digest_stream
from metaopt.data.images import ImageArray
from metaopt.data.pixel_budget import PixelBudget
from metaopt.data.pixel_range import FULL, cut_to_8_bits
from metaopt.errors import UserError
from metaopt.files.regular_file import open_regular
from metaopt.quantities import size_text

MAX_PIXELS = 178_956_970
"""Largest image that is decoded, and the most pixels that all threads decode at once: twice Pillow's limit for a
warning, from which on Pillow refuses too. Decoding takes up to 8 bytes a pixel."""

MAX_FILE_BYTES = 2**31
"""Largest image file; an uncompressed one of ``MAX_PIXELS`` is smaller."""

_LARGE = 2**24
_SMALL_FILE_BYTES = 2**22
_STRIP_PIXELS = 2**20

T = TypeVar("T")

_BUDGET = PixelBudget(MAX_PIXELS)
# Our own limit replaces the warning about a smaller one.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

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
        height: height in pixels, as stored: a photograph may have to be rotated.
        width: width in pixels.
        channels: 1 for shades of grey, 3 for colours, another number for bands.
        deep: its pixels have 16 bits, of which the picture may use fewer.
    """

    height: int
    width: int
    channels: int
    deep: bool = False

    @property
    def side(self) -> int:
        """Shorter side in pixels."""
        return min(self.height, self.width)


class DecodedFile(NamedTuple):
    """A decoded image.

    Attributes:
        image: pixels of the central window, ``(height, width, channels)``.
        file_digest: digest of the bytes of the file.
        brightest: greatest pixel of a window with 16 bits before it was cut to 8; None for other images.
    """

    image: ImageArray
    file_digest: int
    brightest: int | None = None


def read_header(path: Path) -> ImageHeader:
    """Read the header of an image file.

    Raises:
        ImageFileError: the file is empty, is not an image, is not a regular file, has more than ``MAX_PIXELS`` pixels,
            or has 32-bit pixels, which have no fixed range.
        UserError: there is not enough memory.
    """
    with _opened(path, digests=False) as (image, _):
        if isinstance(image, Bands):
            return ImageHeader(image.height, image.width, image.channels, image.deep)
        return ImageHeader(image.height, image.width, 3 if _has_colour(image) else 1, _is_deep(image))


def read_brightest(path: Path) -> int:
    """Return the greatest pixel of an image whose pixels have 16 bits.

    Raises:
        ImageFileError: see ``read_image``.
        UserError: there is not enough memory.
    """
    with _opened(path, digests=False) as (image, _), _BUDGET.reserved(image.width * image.height):
        if isinstance(image, Bands):
            return int(image.read().max())
        return _decode_apart(image, lambda: max(int(np.asarray(strip).max()) for _, strip in _strips(image, None)))


def read_image(path: Path, size: int | tuple[int, int], channels: int, bits: int = FULL) -> DecodedFile:
    """Decode an image upright, crop its central window and resize it.

    Transparent pixels become white, pixels of 16 bits are cut to 8, and an animation gives its first frame. Threads
    that decode large images wait for each other, so that together they hold at most ``MAX_PIXELS`` pixels.

    Args:
        path: the file.
        size: side of the resulting square in pixels; or (height, width), for which the largest window of that aspect
            ratio is cropped.
        channels: 1 or 3, for images of bands their number.
        bits: bits that the pixels of 16 bits use; greater ones become white.

    Raises:
        ImageFileError: see ``read_header``; or the file cannot be decoded, or has another number of channels.
        UserError: there is not enough memory.
    """
    height, width = (size, size) if isinstance(size, int) else size
    with _opened(path) as (image, file_digest):
        if isinstance(image, Bands):
            with _BUDGET.reserved(image.width * image.height * image.channels):
                return _decode_bands(image, height, width, channels, bits)._replace(file_digest=file_digest)
        if channels not in (1, 3):
            raise ImageFileError(f"it is a grey or colour image. Expected {channels} channels")
        full = image.width * image.height
        # Decodes a JPEG at 1/2, 1/4 or 1/8 of its size if that is still at least twice the wanted size.
        image.draft(None, (2 * max(height, width),) * 2)
        pixels = image.width * image.height
        # The decoder of a progressive JPEG keeps the coefficients of all pixels.
        with _BUDGET.reserved(max(pixels, full // 2) if image.info.get("progressive") else pixels):
            window, brightest = _decode_apart(image, functools.partial(_decode, image, height, width, channels, bits))
        return DecodedFile(window, file_digest, brightest)


def _decode_bands(bands: Bands, height: int, width: int, channels: int, bits: int) -> DecodedFile:
    """Return the resized window of an array; grey becomes colour where the other images have colours."""
    if bands.channels not in ((1, 3) if channels == 3 else (channels,)):
        raise ImageFileError(f"it has {bands.channels} channels. Expected {channels}")
    pixels = bands.read()
    brightest = int(pixels.max()) if bands.deep else None
    window = crop_and_resize(cut_to_8_bits(pixels, bits) if bands.deep else pixels, height, width)
    return DecodedFile(window.repeat(channels // bands.channels, axis=2), 0, brightest)


def _decode(image: Image.Image, height: int, width: int, channels: int, bits: int) -> tuple[ImageArray, int | None]:
    """Return the resized window, and its greatest pixel if they have 16 bits."""
    ImageOps.exif_transpose(image, in_place=True)
    left, top, right, bottom = box = _central_window(image.height, image.width, height, width)
    # Converted in strips, as some conversions need five times the memory of the image.
    window = np.empty((bottom - top, right - left, channels), np.uint8)
    brightest = 0 if _is_deep(image) else None
    for row, strip in _strips(image, box):
        if brightest is not None:
            brightest = max(brightest, int(np.asarray(strip).max()))
        pixels = np.asarray(_convert(strip, channels, bits))
        window[row : row + strip.height] = pixels.reshape(strip.height, strip.width, channels)
    image.close()  # frees its memory
    resized = window if window.shape[:2] == (height, width) else _resize_channels(window, height, width)
    return resized, brightest


def _decode_apart(image: Image.Image, decode: Callable[[], T]) -> T:
    """Call a function that decodes an image, in the thread of large images if it is one."""
    return _decoder_of_large().submit(decode).result() if image.width * image.height > _LARGE else decode()


def _strips(image: Image.Image, box: tuple[int, int, int, int] | None) -> Iterator[tuple[int, Image.Image]]:
    """Yield the rows of a window, or of the whole image, in strips, each with the number of its first row."""
    left, top, right, bottom = (0, 0, image.width, image.height) if box is None else box
    step = max(1, _STRIP_PIXELS // (right - left))
    for row in range(top, bottom, step):
        yield row - top, image.crop((left, row, right, min(row + step, bottom)))


@functools.cache
def _decoder_of_large() -> ThreadPoolExecutor:
    """Return the only thread that decodes large images, as the C library keeps for each what it has freed."""
    return ThreadPoolExecutor(1, "metaopt decoder")


@contextmanager
def _opened(path: Path, digests: bool = True) -> Iterator[tuple[Image.Image | Bands, int]]:
    """Open an image file and check its header; errors within the context become an ``ImageFileError``.

    Yields:
        The image, and the digest of the bytes of the file, or 0 without.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise ImageFileError("the file is empty")
            if size > MAX_FILE_BYTES:
                raise ImageFileError(f"the file has {size_text(size)}. Expected at most {size_text(MAX_FILE_BYTES)}")
            file_digest, content = _digest(file, size) if digests else (0, file)
            if (bands := open_bands(content)) is not None:
                if bands.width * bands.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                yield bands, file_digest
                return
            with Image.open(content, formats=_formats()) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                if image.mode in _32_BIT_MODES:
                    raise ImageFileError(f"its pixels have 32 bits (mode {image.mode}); convert it to 8 or 16 bits")
                yield image, file_digest
    except ImageFileError:
        raise
    except MemoryError:
        raise UserError(f"Not enough memory to decode {path}. Use smaller images, or close other programs.") from None
    except Exception as error:  # Pillow's decoders raise exceptions of nearly every type
        raise _to_image_file_error(error) from error


def _digest(file: BinaryIO, size: int) -> tuple[int, BinaryIO]:
    """Return the digest of a file, and the file again, in memory if it is small."""
    if size <= _SMALL_FILE_BYTES:
        data = file.read()
        return digest(data), io.BytesIO(data)
    file_digest = digest_stream(file)
    file.seek(0)
    return file_digest, file


@functools.cache
def _formats() -> list[str]:
    """Return the formats that Pillow opens, except PostScript, which another program would have to run."""
    Image.preinit()  # the usual formats come first, as each is tried in turn
    Image.init()
    return [name for name in Image.OPEN if name != "EPS"]


def crop_and_resize(image: npt.NDArray[np.uint8], height: int, width: int) -> ImageArray:
    """Crop ``(h, w)`` or ``(h, w, c)`` to its largest central window of the aspect ratio and resize it.

    The result is that of ``keras.layers.Resizing(crop_to_aspect_ratio=True)``, the first layer of an exported model.

    Returns:
        ``(height, width, c)``.
    """
    rows, columns = image.shape[:2]
    left, top, right, bottom = _central_window(rows, columns, height, width)
    window = image[top:bottom, left:right].reshape(bottom - top, right - left, -1)
    return window if window.shape[:2] == (height, width) else _resize_channels(window, height, width)


def _central_window(rows: int, columns: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Return the largest central window of an aspect ratio: left, top, right, bottom."""
    high, wide = max(1, min(rows, columns * height // width)), max(1, min(columns, rows * width // height))
    top, left = (rows - high) // 2, (columns - wide) // 2
    return left, top, left + wide, top + high


def _resize_channels(window: ImageArray, height: int, width: int) -> ImageArray:
    if window.shape[2] == 3:
        return _resize(window, height, width)
    return np.stack([_resize(window[:, :, channel], height, width) for channel in range(window.shape[2])], axis=-1)


def _resize(window: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    image = Image.fromarray(np.ascontiguousarray(window))
    # An exported model resizes images itself, and bicubic is the best filter that every Keras backend offers.
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16")


def _has_colour(image: Image.Image) -> bool:
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        return bool((palette != palette[:, :1]).any())
    return image.mode not in _GREY_MODES


def _convert(image: Image.Image, channels: int, bits: int) -> Image.Image:
    """Return the image in mode L or RGB."""
    if _is_deep(image):  # Pillow's own conversion clips at 255 instead of scaling
        image = Image.fromarray(cut_to_8_bits(np.asarray(image), bits))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def _to_image_file_error(error: Exception) -> ImageFileError:
    """Convert an exception of Pillow or the file system."""
    if isinstance(error, Image.DecompressionBombError):
        return ImageFileError(f"it has too many pixels. Expected at most {MAX_PIXELS:,}")
    if isinstance(error, UnidentifiedImageError):
        return ImageFileError("it is not an image of a known format")
    if isinstance(error, OSError) and error.strerror:
        return ImageFileError(error.strerror.lower())
    return ImageFileError(str(error) or type(error).__name__)
