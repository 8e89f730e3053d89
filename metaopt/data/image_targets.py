"""Image targets, and masks of the pixels that count, in files that ``labels.csv`` names."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from metaopt.data.arrays import note_dark
from metaopt.data.fingerprint import Digests
from metaopt.data.image_file import IMAGE_SUFFIXES, DecodedFile, ImageFileError, read_header, read_image
from metaopt.data.images import ImageArray
from metaopt.errors import UserError
from metaopt.outputs import ImageOutput

MASK = "_mask"
"""End of the name of a column with the masks of the column before it, e.g. ``picture_mask``."""

_NAMED = 3  # files that a message names at most


@dataclass(frozen=True)
class ImageColumn:
    """Files of image targets.

    Attributes:
        head: name of the column.
        inputs: path of the input image of each row, below the folder.
        files: path of its target.
        masks: path of its mask; empty without masks.
        lines: line of each row in the table.
    """

    head: str
    inputs: tuple[str, ...]
    files: tuple[str, ...]
    masks: tuple[str, ...]
    lines: tuple[int, ...]

    def select(self, rows: npt.NDArray[np.int64]) -> "ImageColumn":
        """Return the column with some of its rows."""

        def chosen(values: Sequence[str]) -> tuple[str, ...]:
            return tuple(values[row] for row in rows) if values else ()

        lines = tuple(self.lines[row] for row in rows)
        return replace(
            self, inputs=chosen(self.inputs), files=chosen(self.files), masks=chosen(self.masks), lines=lines
        )


@dataclass(frozen=True, eq=False)
class ImageTargets:
    """Targets of an ``ImageColumn``.

    Attributes:
        pixels: uint8 ``(n, height, width, c)``, with a further channel, 0 or 255, for a mask.
        output: their output.
        file_digests: digests of the bytes of the files, ``(n, 1)``, or ``(n, 2)`` with masks.
        notes: messages for the user.
    """

    pixels: ImageArray
    output: ImageOutput
    file_digests: Digests
    notes: list[str] = field(default_factory=list)


def are_image_files(cells: Sequence[str]) -> bool:
    """Return whether all texts of a column are names of image files."""
    return all(PurePosixPath(cell).suffix.lower() in IMAGE_SUFFIXES for cell in cells)


def read_image_targets(root: Path, column: ImageColumn, height: int, width: int, where: str) -> ImageTargets:
    """Read the targets of a column, cut and resized as their inputs are.

    Targets are grey, or of three channels if one has colour. A pixel of a mask counts if it is brighter than half of
    the mask's brightest pixel.

    Args:
        root: the folder.
        column: the files.
        height: height of the decoded input images.
        width: their width.
        where: name of the table in messages.

    Raises:
        UserError: A file is missing or cannot be read, or its size is not that of its input; or no pixel of a mask
            counts.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        channels = 1
        for files in filter(None, (column.files, column.masks)):
            pairs = zip(column.inputs, files, strict=True)
            found = list(pool.map(lambda pair: _attempt(lambda: _compare(root, *pair)), pairs))
            _check(found, files, column, where)
            if files is column.files:
                channels = max(each for each in found if isinstance(each, int))
        if channels not in (1, 3):
            raise UserError(f"The images of column {column.head} in {where} have {channels} channels. Expected 1 or 3.")

        def read(path: str, channels: int) -> DecodedFile:
            return read_image(root / path, (height, width), channels)

        targets = _read_all(pool, lambda path: read(path, channels), column.files, column, where)
        masks = _read_all(pool, lambda path: read(path, 1), column.masks, column, where)
    pixels = np.stack([each.image for each in targets])
    notes = note_dark(pixels, f"the images of column {column.head}")
    digests = [[each.file_digest] for each in targets]
    if masks:
        counted = np.stack([_counted(each.image) for each in masks])
        _check_masks(counted, column, where)
        pixels = np.concatenate([pixels, counted], axis=3)
        digests = [[*each, mask.file_digest] for each, mask in zip(digests, masks, strict=True)]
    output = ImageOutput((height, width, channels), bool(masks))
    return ImageTargets(pixels, output, np.array(digests, np.uint64), notes)


def _attempt(read: Callable[[], int | DecodedFile]) -> int | DecodedFile | ImageFileError:
    try:
        return read()
    except ImageFileError as error:
        return error


def _compare(root: Path, given: str, target: str) -> int:
    """Return the channels of a target or mask.

    Raises:
        ImageFileError: It cannot be read, or its size is not that of its input.
    """
    if not (root / target).exists():
        raise ImageFileError("the file does not exist")
    header, own = read_header(root / target), read_header(root / given)
    # Sorted, because a photograph may be stored rotated, and its target upright.
    if sorted((header.height, header.width)) != sorted((own.height, own.width)):
        raise ImageFileError(
            f"it has {header.height}×{header.width} pixels, its image {given} {own.height}×{own.width}"
        )
    return header.channels


def _check(results: Sequence[object], files: Sequence[str], column: ImageColumn, where: str) -> None:
    """Check that all files could be read.

    Raises:
        UserError: One could not.
    """
    broken = [number for number, each in enumerate(results) if isinstance(each, ImageFileError)]
    if broken:
        name = column.head if files is column.files else f"{column.head}{MASK}"
        named = "; ".join(f"{files[row]} (line {column.lines[row]}): {results[row]}" for row in broken[:_NAMED])
        rest = f"; and {len(broken) - _NAMED:,} more" if len(broken) > _NAMED else ""
        raise UserError(f"Invalid files in column {name} of {where}: {named}{rest}. Correct them, or empty the cells.")


def _read_all(
    pool: ThreadPoolExecutor, read: Callable[[str], DecodedFile], files: Sequence[str], column: ImageColumn, where: str
) -> list[DecodedFile]:
    found = list(pool.map(lambda path: _attempt(lambda: read(path)), files))
    _check(found, files, column, where)
    return [each for each in found if isinstance(each, DecodedFile)]


def _counted(mask: ImageArray) -> ImageArray:
    """Return 255 where a pixel counts, else 0."""
    return np.where(mask > mask.max() / 2, np.uint8(255), np.uint8(0))


def _check_masks(counted: ImageArray, column: ImageColumn, where: str) -> None:
    empty = np.flatnonzero(~counted.any(axis=(1, 2, 3)))
    if len(empty):
        row = int(empty[0])
        raise UserError(
            f"No pixel counts in the mask {column.masks[row]} (line {column.lines[row]} of {where}). Leave the row out."
        )
