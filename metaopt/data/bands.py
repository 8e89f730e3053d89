"""Images of any number of channels: ``.npy`` files, and TIFF files with several bands, which Pillow does not decode."""

import io
import struct
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

ARRAY_SUFFIXES = {".npy"}

_NPY = b"\x93NUMPY"
_TIFF = (b"II*\0", b"MM\0*")
_GREY_OR_RGB = {0: 1, 1: 1, 2: 3}  # photometric interpretation → channels of the colours
_ALPHA = (1, 2)  # kinds of an extra sample that is transparency
_LOSSLESS = (1, 5, 8, 32773, 32946, 34925, 50000)  # none, LZW, deflate, PackBits, deflate, LZMA, Zstandard
_SEPARATE = 2  # planar configuration: one plane for each band
_DIFFERENCES = 2  # predictor: each sample is stored as the difference from the one to its left
_KEPT_TAGS = (257, 259, 266, 278, 323)  # height, compression, order of bits, rows of a strip, height of a tile


class BandsError(ValueError):
    """An array or TIFF file that cannot be an image; the message is the reason."""


class Bands(NamedTuple):
    """An image whose pixels are read as an array.

    Attributes:
        height: height in pixels.
        width: width in pixels.
        channels: number of channels.
        deep: its pixels are integers of more than 8 bits, of which the image may use fewer.
        read: returns the pixels ``(height, width, channels)``: uint8, or uint16 where it is deep; raises ``BandsError``
            for pixels that are out of range or cannot be decoded.
    """

    height: int
    width: int
    channels: int
    deep: bool
    read: Callable[[], npt.NDArray[Any]]


def open_bands(file: BinaryIO) -> Bands | None:
    """Return the image in an open ``.npy`` file or TIFF file with bands; None for any other file.

    A TIFF file has bands if it is neither grey nor RGB nor either of them with transparency.

    Raises:
        BandsError: It is such a file, but not a valid image.
    """
    start = file.read(max(len(_NPY), 8))
    file.seek(0)
    if start.startswith(_NPY):
        return _open_npy(file)
    if start[:4] in _TIFF:
        found = _open_tiff(file, start[:8])
        file.seek(0)
        return found
    return None


def _open_npy(file: BinaryIO) -> Bands:
    try:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = reader(file)
    except ValueError as error:
        raise BandsError("its header cannot be read") from error
    if len(shape) not in (2, 3) or 0 in shape:
        raise BandsError(f"its shape is {shape}. Expected (height, width) or (height, width, channels)")
    if len(shape) == 3 and shape[0] in (1, 3) and shape[2] > 4:
        raise BandsError(f"its shape is {shape}: move the channels last with transpose(1, 2, 0)")
    if dtype.kind not in "buif":
        raise BandsError(f"its type is {dtype}. Expected numbers")

    def read() -> npt.NDArray[Any]:
        file.seek(0)
        try:
            pixels = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise BandsError("it is truncated") from error
        return _as_pixels(pixels[..., None] if pixels.ndim == 2 else pixels)

    is_deep = dtype.kind in "ui" and dtype != np.uint8
    return Bands(shape[0], shape[1], shape[2] if len(shape) == 3 else 1, is_deep, read)


def _as_pixels(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels as uint8, or as uint16 for integers of more bits.

    Raises:
        BandsError: An integer is not in 0..65,535, or a float not in 0..1.
    """
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels * np.uint8(255)
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind == "f":
        if not (low >= 0 and high <= 1):  # also true for NaN
            raise BandsError(f"its floats are in {low:g}..{high:g}. Expected 0..1")
        return np.rint(pixels * np.float32(255)).astype(np.uint8)
    if low < 0 or high >= 2**16:
        raise BandsError(f"its integers are in {low:,}..{high:,}. Expected 0..65,535")
    return pixels.astype(np.uint16)


def _open_tiff(file: BinaryIO, header: bytes) -> Bands | None:
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(header)
        file.seek(tags.next)
        tags.load(file)
        samples = tags.get(277, 1)
        colours = _GREY_OR_RGB.get(tags.get(262, -1))
        extra = tags.get(338, _ALPHA[:1])  # a fourth sample without a kind is transparency, as for Pillow
        if colours is None or samples == colours or (samples == colours + 1 and extra[0] in _ALPHA):
            return None
        bits, formats = set(tags[258]), set(tags.get(339, (1,)))
        height, width = tags[257], tags[256]
    except Exception:  # noqa: BLE001 - a damaged directory raises exceptions of nearly every type; Pillow names it
        return None
    if bits not in ({8}, {16}) or formats != {1}:
        raise BandsError(f"its {samples} bands are not unsigned integers of 8 or 16 bits; use .npy files instead")
    if tags.get(259, 1) not in _LOSSLESS:
        raise BandsError(f"its {samples} bands are compressed by a method that is not supported; use LZW or deflate")
    return Bands(height, width, samples, bits == {16}, lambda: _read_tiff(file, header, tags))


def _read_tiff(file: BinaryIO, header: bytes, tags: Any) -> npt.NDArray[Any]:
    """Decode a TIFF file with bands: Pillow decodes it as one grey image, or as one for each plane."""
    file.seek(0)
    content = file.read()
    samples, width = tags.get(277, 1), tags[256]
    places, counts = (324, 325) if 324 in tags else (273, 279)
    offsets, sizes = _sequence(tags[places]), _sequence(tags.get(counts, (len(content),)))
    if tags.get(284, 1) == _SEPARATE:
        step = len(offsets) // samples
        planes = []
        for band in range(samples):
            part = slice(band * step, (band + 1) * step)
            changed = {256: width, 317: tags.get(317, 1), places: offsets[part], counts: sizes[part]}
            planes.append(_decode(content, header, tags, {**changed, **({322: tags[322]} if 322 in tags else {})}))
        return np.stack(planes, axis=2)
    changed = {256: width * samples, places: offsets, counts: sizes}
    if 322 in tags:
        changed[322] = tags[322] * samples
    pixels = _decode(content, header, tags, changed)
    pixels = pixels.reshape(pixels.shape[0], width, samples)
    if tags.get(317, 1) != _DIFFERENCES:
        return pixels
    # The differences are those to the same band of the pixel to the left, from the left end of each tile.
    tile = tags.get(322, width)
    parts = [pixels[:, left : left + tile] for left in range(0, width, tile)]
    return np.concatenate([np.cumsum(part, axis=1, dtype=part.dtype) for part in parts], axis=1)


def _decode(content: bytes, header: bytes, tags: Any, changed: Mapping[int, Any]) -> npt.NDArray[Any]:
    """Decode the data of a TIFF file as a grey image.

    Args:
        content: bytes of the file.
        header: its first 8 bytes.
        tags: its directory.
        changed: tag → value of the directory of the grey image, where it differs.

    Returns:
        ``(height, width)``, uint8 or uint16.

    Raises:
        BandsError: The data are damaged.
    """
    bits = tags[258][0]
    kept = {tag: tags[tag] for tag in _KEPT_TAGS if tag in tags}
    place = len(content) + len(content) % 2
    order = "<" if header[:2] == b"II" else ">"
    directory = _directory({258: bits, 262: 1, 277: 1, **kept, **changed}, place, order)
    grey = header[:4] + struct.pack(f"{order}L", place) + content[8:].ljust(place - 8, b"\0") + directory
    try:
        with Image.open(io.BytesIO(grey), formats=["TIFF"]) as image:
            pixels = np.asarray(image)
    except (OSError, ValueError, SyntaxError) as error:
        raise BandsError("it is damaged") from error
    return pixels.astype(np.uint8 if bits == 8 else np.uint16)


def _directory(tags: Mapping[int, Any], place: int, order: str) -> bytes:
    """Return a directory at a place in a file, all of whose values are 32-bit integers (TIFF 6.0, section 2)."""
    entries, values = b"", b""
    end = place + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        numbers = _sequence(value)
        packed = struct.pack(f"{order}{len(numbers)}L", *numbers)
        if len(numbers) > 1:
            values, packed = values + packed, struct.pack(f"{order}L", end + len(values))
        entries += struct.pack(f"{order}HHL", tag, 4, len(numbers)) + packed
    return struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + values


def _sequence(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)
