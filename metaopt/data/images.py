"""Sequences of labelled images in memory or on disk, read batch by batch."""

import math
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from metaopt.files.held_folders import discard

ImageArray = npt.NDArray[np.uint8]
InputArray = npt.NDArray[Any]
"""Images, uint8 ``(n, h, w, c)``, or signals, float32 ``(n, length, c)``."""
LabelArray = npt.NDArray[Any]
"""Targets of one head, ``(n, …)``, see ``metaopt.outputs``: int32 class indices ``(n,)``, or those of other kinds."""
Rows = npt.NDArray[np.int64]


class Images(Protocol):
    """Images with their labels; picklable."""

    @property
    def labels(self) -> Mapping[str, LabelArray]:
        """All targets: head → ``(n, …)``, with the first head first."""

    def __len__(self) -> int:
        """Return the number of images."""

    def batch(self, indices: npt.ArrayLike) -> tuple[InputArray, dict[str, LabelArray]]:
        """Return copies of the images ``(k, h, w, c)`` and labels ``(k,)`` at the indices ``(k,)``, in their order.

        Signals are ``(k, length, c)``.
        """


def _select(labels: Mapping[str, LabelArray], rows: npt.NDArray[np.intp]) -> dict[str, LabelArray]:
    return {head: values[rows] for head, values in labels.items()}


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Images in memory.

    Attributes:
        array: images, uint8 ``(n, h, w, c)``, or signals, float32 ``(n, length, c)``.
        labels: head → ``(n,)``.
    """

    array: InputArray
    labels: Mapping[str, LabelArray]

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, indices: npt.ArrayLike) -> tuple[InputArray, dict[str, LabelArray]]:
        """Return images and labels at the indices; see ``Images``."""
        rows = np.asarray(indices, dtype=np.intp)
        return self.array[rows], _select(self.labels, rows)


@dataclass(frozen=True, eq=False)
class FileImages:
    """Images in an uncompressed ``.npy`` file ``(n, h, w, c)`` that may be larger than memory.

    Rows are read from the file, at about 5 µs each. A memory map would count every page that was ever touched towards
    the memory of the process, so that a worker that has read all images would seem to leak.

    Attributes:
        path: the ``.npy`` file, in C order.
        labels: head → ``(n,)``.
    """

    path: Path
    labels: Mapping[str, LabelArray]

    def __len__(self) -> int:
        return len(next(iter(self.labels.values())))

    def batch(self, indices: npt.ArrayLike) -> tuple[InputArray, dict[str, LabelArray]]:
        """Return images and labels at the indices; see ``Images``.

        Raises:
            IndexError: an index is not in 0..n−1.
            OSError: the file is missing, truncated or damaged.
        """
        rows = np.asarray(indices, dtype=np.intp)
        labels = _select(self.labels, rows)
        if len(rows) and rows.min() < 0:
            raise IndexError(f"Invalid image index: {rows.min()}. Expected 0..{len(self) - 1}.")
        with self.path.open("rb") as file:
            shape = self._read_shape(file)
            start = file.tell()
            images = np.empty((len(rows), *shape[1:]), np.uint8)
            size = math.prod(shape[1:])
            for image, row in zip(images, rows.tolist(), strict=True):
                file.seek(start + row * size)
                if file.readinto(image) != size:
                    raise OSError(f"{self.path} is truncated: it ends before image {row}.")
        return images, labels

    def _read_shape(self, file: BinaryIO) -> tuple[int, ...]:
        """Return the shape that the header of the open file names; the file is then at its first image.

        Raises:
            OSError: it is truncated within its header, or is another file than the one that was written.
        """
        try:
            np.lib.format.read_magic(file)
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        except ValueError as error:
            raise OSError(f"{self.path} is damaged: its header cannot be read.") from error
        if len(shape) < 2 or shape[0] != len(self) or is_fortran or dtype != np.uint8:
            raise OSError(f"{self.path} is damaged: it holds other images.")
        return shape

    def delete_when_unused(self, folder: Path) -> None:
        """Remove the folder when these images are garbage-collected, at the latest when the process exits."""
        weakref.finalize(self, discard, folder)


@dataclass(frozen=True, eq=False)
class Subset:
    """A selection of other images.

    Attributes:
        base: the images selected from.
        rows: indices into ``base``, ``(n,)``.
        labels: head → ``(n,)``.
    """

    base: Images
    rows: Rows
    labels: Mapping[str, LabelArray]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: npt.ArrayLike) -> tuple[InputArray, dict[str, LabelArray]]:
        """Return images and labels at the indices; see ``Images``."""
        return self.base.batch(self.rows[np.asarray(indices, dtype=np.intp)])


class _SelectedTargets(Mapping[str, LabelArray]):
    """Targets of some images, selected whenever they are read, so that image targets are in memory once.

    Args:
        targets: head → targets of all images.
        rows: indices of the images.
    """

    def __init__(self, targets: Mapping[str, LabelArray], rows: Rows) -> None:
        self._targets, self._rows = targets, rows

    def __getitem__(self, head: str) -> LabelArray:
        return self._targets[head][self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)


def subset(images: Images, rows: npt.NDArray[Any]) -> Subset:
    """Return a view of the images at the indices ``(n,)``, in their order; image targets are not copied."""
    rows = rows.astype(np.int64)
    base, rows = (images.base, images.rows[rows]) if isinstance(images, Subset) else (images, rows)
    if any(values.ndim == 4 for values in base.labels.values()):
        return Subset(base, rows, _SelectedTargets(base.labels, rows))
    return Subset(base, rows, _select(base.labels, rows))
