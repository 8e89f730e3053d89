"""Numbers with units: reading ``200k``, ``1.5GB``, ``1h30m`` and ``64x128``, writing ``3 trials`` and ``27.8 MB``."""

import math
import re
from numbers import Real

_DIGITS = r"\d+(?:_\d+)*"
_NUMBER = rf"[-+]?(?:{_DIGITS}\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_COUNT = re.compile(rf"({_NUMBER})\s*([kKMGT]?)")
_SIZE = re.compile(rf"({_NUMBER})\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_PIECE = re.compile(r"(\d+\.?\d*|\.\d+)\s*([smhd])\s*")
_POWER = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_IMAGE_SIZE = re.compile(r"0*([1-9]\d*)(?:\s*[x×X]\s*0*([1-9]\d*))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_count(text: str) -> float:
    """Convert ``2e6``, ``200k``, ``1.5M`` or ``3G`` to a number; k is a thousand.

    Raises:
        ValueError: The text is not such a number, or the number is not finite.
    """
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return _finite(float(match[1]) * 1000.0 ** _POWER[match[2].upper()], text)


def parse_size(text: str) -> float:
    """Convert ``500MB``, ``2GiB`` or bytes to bytes; 1 MB is a million bytes, 1 MiB is 2 to the power of 20.

    Raises:
        ValueError: The text is not such a number, or the number is not finite.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[3] and not match[2]):
        raise ValueError(text)
    base = 1024.0 if match[3] else 1000.0
    return _finite(float(match[1]) * base ** _POWER[match[2].upper()], text)


def parse_duration(text: str) -> float:
    """Convert ``90s``, ``30m``, ``1h30m``, ``2d`` or a number of seconds to seconds.

    Raises:
        ValueError: The text is not such a duration, or the number is not finite.
    """
    text = text.strip()
    pieces = _PIECE.findall(text)
    units = [unit for _, unit in pieces]
    if pieces and not _PIECE.sub("", text) and units == sorted(set(units), key=_SECONDS.__getitem__, reverse=True):
        return sum(float(number) * _SECONDS[unit] for number, unit in pieces)
    if re.fullmatch(_NUMBER, text) is None:
        raise ValueError(text)
    return _finite(float(text), text)


ImageSize = int | str
"""Size of images: the side of a square in pixels, or ``HEIGHTxWIDTH``, e.g. ``64x128``."""


IMAGE_SIZE_EXPECTED = "Expected an integer >= 1, in pixels, or HEIGHTxWIDTH, e.g. 64x128."


def parse_image_size(value: object) -> ImageSize:
    """Convert ``32``, ``64x128`` (height × width) or their text to an image size; a square becomes its side.

    Raises:
        ValueError: The value is not such a size, or a side is not an integer >= 1.
    """
    if isinstance(value, Real) and float(value).is_integer():
        value = str(int(float(value)))
    match = _IMAGE_SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(value)
    height, width = match[1], match[2] or match[1]
    return int(height) if height == width else f"{height}x{width}"


def height_and_width(size: ImageSize) -> tuple[int, int]:
    """Return (height, width) in pixels of an image size."""
    height, _, width = str(size).partition("x")
    return int(height), int(width or height)


def _finite(number: float, text: str) -> float:
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def plural(count: int, noun: str, plural_noun: str | None = None) -> str:
    """Return a count with its noun, e.g. ``1 trial`` or ``3 trials``.

    Args:
        count: the number.
        noun: the singular.
        plural_noun: the plural, if it is not the singular with an s.
    """
    return f"{count:,} {noun if count == 1 else plural_noun or noun + 's'}"


def size_text(size: float) -> str:
    """Return a number of bytes in the largest unit that it fills, e.g. ``27.8 MB``; 1 MB is a million bytes."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if abs(size) >= 1000.0**power:
            return f"{size / 1000.0**power:,.1f} {unit}"
    return plural(round(size), "byte")
